//! The next pages of a document, fetched as the reader gets near the link `data-more` that leads to them, and put before it.

use gloo_timers::callback::Timeout;
use leptos::prelude::document;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, IntersectionObserver, IntersectionObserverEntry, IntersectionObserverInit};

use super::page::{Answer, page_at};

/// How long to wait after a fetch that failed. The link can be followed meanwhile.
const RETRY_MS: u32 = 4_000;

/// Waits for the link to come near, if this page has one.
pub fn begin() {
    if let Some(link) = link_of(&document()) {
        once_near(&link, || leptos::task::spawn_local(fetch()));
    }
}

async fn fetch() {
    let Some(link) = link_of(&document()) else { return };
    let address = link.get_attribute("href").unwrap_or_default();
    let Ok(Answer::Page(page)) = page_at(&address).await else {
        Timeout::new(RETRY_MS, begin).forget();
        return;
    };
    let Some(place) = link.parent_element() else { return };
    let Ok(sections) = page.query_selector_all(".page") else { return };
    for index in 0..sections.length() {
        if let Some(section) = sections.get(index).and_then(|node| node.dyn_into::<Element>().ok()) {
            let _ = place.before_with_node_1(&section);
        }
    }
    match link_of(&page).and_then(|next| next.get_attribute("href")) {
        Some(next) => {
            let _ = link.set_attribute("href", &next);
            // Anew: pages so short that the link is still near are no change that an observer would tell of.
            begin();
        }
        None => place.remove(),
    }
}

fn link_of(page: &web_sys::Document) -> Option<Element> {
    page.query_selector("a[data-more]").ok().flatten()
}

/// Calls `near` once, when the element comes within two screens of being seen.
fn once_near(element: &Element, near: impl Fn() + 'static) {
    type Seen = dyn Fn(js_sys::Array, IntersectionObserver);
    let seen = Closure::<Seen>::new(move |entries: js_sys::Array, observer: IntersectionObserver| {
        if entries.iter().any(|entry| entry.unchecked_into::<IntersectionObserverEntry>().is_intersecting()) {
            observer.disconnect();
            near();
        }
    });
    let options = IntersectionObserverInit::new();
    options.set_root_margin("200% 0px");
    if let Ok(observer) = IntersectionObserver::new_with_options(seen.as_ref().unchecked_ref(), &options) {
        observer.observe(element);
    }
    // The page owns it from now on.
    seen.forget();
}
