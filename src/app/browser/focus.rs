//! Keeps the keyboard focus. When the focused row disappears, the focus moves to the next row, not to the top of the page.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// Applies `change`. If it removes the focused row, focuses a neighbour of the row, or else `main`.
pub(crate) fn kept(change: impl FnOnce()) {
    let row = document().active_element().and_then(|focused| focused.closest("li[id]").ok().flatten());
    let beside = row.as_ref().map(neighbours).unwrap_or_default();
    change();
    if row.is_some_and(|row| !row.is_connected()) {
        let next = beside.iter().filter(|row| row.is_connected()).find_map(first_control);
        if let Some(target) = next.or_else(|| document().get_element_by_id("main")?.dyn_into().ok()) {
            let _ = target.focus();
        }
    }
}

/// The rows after `row`, then those before it, nearest first.
fn neighbours(row: &Element) -> Vec<Element> {
    let after = std::iter::successors(row.next_element_sibling(), Element::next_element_sibling);
    let before = std::iter::successors(row.previous_element_sibling(), Element::previous_element_sibling);
    after.chain(before).collect()
}

fn first_control(row: &Element) -> Option<HtmlElement> {
    row.query_selector("a, button").ok().flatten()?.dyn_into().ok()
}
