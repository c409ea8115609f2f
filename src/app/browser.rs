//! What happens in the browser outside the islands: pages that the server rendered are kept current, and their plain elements react.
//!
//! The server is the only one that draws lists, states and documents. The browser asks for a page again and takes over what has
//! changed, so that what it shows is always what a reload would show. Elements say by `data-…` what they want; each file here
//! documents its own. Nothing here may be needed to *read* a page.

mod address;
mod back;
mod clicks;
mod copies;
mod drops;
mod focus;
mod forms;
mod live;
mod morph;
mod original;
mod page;
mod pages;
mod place;
mod query;
mod theme;
mod times;
mod toast;

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Document, Element};

pub(crate) use live::look;
pub(crate) use pages::elements;
pub(crate) use theme::choose_theme;
pub(crate) use toast::{Tone, toast};

/// Takes hold of the page; to be called once, when everything is there.
pub fn hydrate() {
    times::localize(&document());
    back::begin();
    clicks::listen();
    drops::listen();
    forms::listen();
    live::begin();
    pages::begin();
}

/// What a selector finds on a page, shown or just fetched.
fn elements_of(page: &Document, selector: &str) -> Vec<Element> {
    let Ok(found) = page.query_selector_all(selector) else { return Vec::new() };
    (0..found.length()).filter_map(|index| found.get(index)?.dyn_into().ok()).collect()
}
