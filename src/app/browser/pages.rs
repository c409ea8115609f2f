//! The pages of a long document, fetched as they are needed. The server draws it as spans of pages, `.span`, of which one is filled and
//! the others are as high as they may become: a span is filled when it comes near, or when an anchor in it is asked for, and again
//! when the document's `data-edition` is another one. `data-goto` on a link names such an anchor.

use std::cell::RefCell;

use gloo_timers::callback::Timeout;
use leptos::prelude::{document, window};
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, IntersectionObserver, IntersectionObserverEntry, IntersectionObserverInit};

use super::address;
use super::live::on;
use super::morph::morph;
use super::page::{Answer, page_at};
use super::{elements_of, place};

/// How long to wait after a fetch that failed. The span's link can be followed meanwhile.
const RETRY_MS: u32 = 4_000;

thread_local! {
    static NEAR: RefCell<Option<IntersectionObserver>> = const { RefCell::new(None) };
}

/// Takes hold of a document, if this page shows one.
pub(crate) fn begin() {
    if document().get_element_by_id("pages").is_none() {
        return;
    }
    NEAR.with(|near| *near.borrow_mut() = observer());
    for span in spans() {
        watch(&span);
    }
    if let Ok(history) = window().history() {
        // Heights change while pages come: a place is a page here, not a number of pixels.
        let _ = history.set_scroll_restoration(web_sys::ScrollRestoration::Manual);
    }
    go_to_hash();
    on(&window(), "popstate", || {
        if window().location().hash().unwrap_or_default().is_empty() {
            place::release();
            window().scroll_to_with_x_and_y(0.0, 0.0);
        }
        go_to_hash();
    });
    place::begin();
}

/// Follows a link to an anchor of this document.
pub(crate) fn follow(link: &Element) {
    // On a phone the outline lies over the text.
    if let Ok(Some(lid)) = link.closest(".outline details") {
        let _ = lid.remove_attribute("open");
    }
    address::push(&link.get_attribute("href").unwrap_or_default());
    spawn_local(go(link.get_attribute("data-goto").unwrap_or_default()));
}

/// Fetches again what is shown of another edition. To be called when the rest of the page is current.
pub(crate) fn renew() {
    // Links that lead to where one is were drawn by somebody who does not know where that is.
    place::mark();
    let edition = edition();
    for span in spans() {
        let shown = span.get_attribute("data-edition");
        if shown.is_some() && shown != edition {
            spawn_local(async move {
                fill(&span).await;
            });
        }
    }
}

fn go_to_hash() {
    let hash = window().location().hash().unwrap_or_default();
    if number_of(&hash).is_some() {
        spawn_local(go(hash.trim_start_matches('#').to_owned()));
    }
}

/// Shows what has that id, wherever in the document it is.
async fn go(id: String) {
    let Some(number) = number_of(&id) else { return };
    place::hold(&id);
    if document().get_element_by_id(&id).is_none() {
        let holds = |span: &Element| number_in(span, "data-last").is_some_and(|last| number <= last);
        let Some(span) = spans().into_iter().find(holds) else { return };
        span.scroll_into_view();
        fill(&span).await;
    }
    place::arrived(&id);
}

/// Makes a span what the server has for it, and keeps what is being read where it is.
async fn fill(span: &Element) {
    let from = span.id();
    let from = from.trim_start_matches("span-");
    let address = address::with(&format!("from={from}&only=pages"), &["from=", "page="]);
    let Ok(Answer::Page(page)) = page_at(&address).await else {
        let span = span.clone();
        Timeout::new(RETRY_MS, move || watch(&span)).forget();
        return;
    };
    if let Some(fetched) = page.get_element_by_id(&span.id()) {
        place::kept(|| morph(span, &fetched));
    }
}

/// Has a span filled when it comes near, or at once if it is near.
fn watch(span: &Element) {
    NEAR.with(|near| {
        if let Some(near) = near.borrow().as_ref()
            && span.get_attribute("data-edition") != edition()
        {
            near.unobserve(span);
            near.observe(span);
        }
    });
}

/// Tells of spans that come within two screens of being seen.
fn observer() -> Option<IntersectionObserver> {
    type Seen = dyn Fn(js_sys::Array, IntersectionObserver);
    let seen = Closure::<Seen>::new(|entries: js_sys::Array, observer: IntersectionObserver| {
        for entry in entries.iter().map(|entry| entry.unchecked_into::<IntersectionObserverEntry>()) {
            if entry.is_intersecting() {
                let span = entry.target();
                observer.unobserve(&span);
                spawn_local(async move { fill(&span).await });
            }
        }
    });
    let options = IntersectionObserverInit::new();
    options.set_root_margin("200% 0px");
    let observer = IntersectionObserver::new_with_options(seen.as_ref().unchecked_ref(), &options).ok();
    // The page owns it from now on.
    seen.forget();
    observer
}

fn spans() -> Vec<Element> {
    elements(".span")
}

/// What a selector finds on this page.
pub(crate) fn elements(selector: &str) -> Vec<Element> {
    elements_of(&document(), selector)
}

fn edition() -> Option<String> {
    document().query_selector(".reader").ok().flatten()?.get_attribute("data-edition")
}

fn number_in(span: &Element, name: &str) -> Option<u32> {
    span.get_attribute(name)?.parse().ok()
}

/// The page of an anchor: `page-12`, `page-12-3` and `hit-12-1` are on page 12.
pub(crate) fn number_of(anchor: &str) -> Option<u32> {
    let rest = anchor.trim_start_matches('#');
    let rest = rest.strip_prefix("page-").or_else(|| rest.strip_prefix("hit-"))?;
    rest.split('-').next()?.parse().ok()
}
