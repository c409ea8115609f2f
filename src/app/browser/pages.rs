//! Fetches the pages of a long document when they are needed. The server renders a document as spans of pages, `.span`, and fills one of
//! them. The others are empty, with a large height. A span is filled when it comes near or contains a requested anchor, and filled again
//! when the document's `data-edition` changes. `data-goto` is on a link to an anchor.

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

/// The pause after a failed fetch. The span's link works meanwhile.
const RETRY_MS: u32 = 4_000;

thread_local! {
    static NEAR: RefCell<Option<IntersectionObserver>> = const { RefCell::new(None) };
}

/// Starts, if the page shows a document.
pub(crate) fn begin() {
    if document().get_element_by_id("pages").is_none() {
        return;
    }
    NEAR.with(|near| *near.borrow_mut() = observer());
    for span in spans() {
        watch(&span);
    }
    if let Ok(history) = window().history() {
        // Heights change while pages load, so a place is a page, not a number of pixels.
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
    // On a phone the open outline covers the text.
    if let Ok(Some(outline)) = link.closest(".outline > details") {
        let _ = outline.remove_attribute("open");
    }
    let href = link.get_attribute("href").unwrap_or_default();
    let anchor = href.split('#').nth(1).unwrap_or_default().to_owned();
    address::push(&href);
    spawn_local(go(anchor));
}

/// Fetches the spans of an older edition again. Call it when the rest of the page is current.
pub(crate) fn renew() {
    // The server does not know the reader's place, so set it in the links again.
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

/// Scrolls to the element with this id, after fetching its span if necessary.
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

/// Fetches a span. The text that is being read keeps its position on the screen.
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

/// Fills a span when it comes near, or at once if it is near.
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

/// The observer that fills a span within two screen heights of the visible part.
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
    // The page keeps the closure.
    seen.forget();
    observer
}

fn spans() -> Vec<Element> {
    elements(".span")
}

/// The elements of the shown page that match a selector.
pub(crate) fn elements(selector: &str) -> Vec<Element> {
    elements_of(&document(), selector)
}

fn edition() -> Option<String> {
    document().query_selector(".reader").ok().flatten()?.get_attribute("data-edition")
}

fn number_in(span: &Element, name: &str) -> Option<u32> {
    span.get_attribute(name)?.parse().ok()
}

/// The page number of an anchor: `page-12`, `page-12-3`, `page-12-figure-4` and `hit-12-1` are on page 12.
pub(crate) fn number_of(anchor: &str) -> Option<u32> {
    let rest = anchor.trim_start_matches('#');
    let rest = rest.strip_prefix("page-").or_else(|| rest.strip_prefix("hit-"))?;
    rest.split('-').next()?.parse().ok()
}
