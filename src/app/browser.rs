//! The browser's part outside the islands: it keeps server-rendered pages current, and makes their plain elements react.
//!
//! Only the server renders lists, statuses and documents. The browser fetches a page again and applies what has changed, so that it
//! always shows what a reload would show. `data-…` attributes connect elements to their behaviour; each file documents its own.
//! A page can be read without anything here.

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

pub(crate) use live::poll;
pub(crate) use pages::elements;
pub(crate) use theme::choose_theme;
pub(crate) use toast::{Tone, toast};

/// Starts the behaviour of a page. Call it once, after the page has loaded.
pub fn hydrate() {
    times::localize(&document());
    back::begin();
    clicks::listen();
    drops::listen();
    forms::listen();
    live::begin();
    pages::begin();
}

/// The elements of a page, shown or fetched, that match a selector.
fn elements_of(page: &Document, selector: &str) -> Vec<Element> {
    let Ok(found) = page.query_selector_all(selector) else { return Vec::new() };
    (0..found.length()).filter_map(|index| found.get(index)?.dyn_into().ok()).collect()
}
