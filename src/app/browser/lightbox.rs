//! A picture by itself, as large as the window: `a.zoom` leads to one, and opens it here instead. The dialog is a native one, `#lightbox`;
//! in it the arrow keys and `data-step` lead to the pictures before and after.

use std::cell::Cell;

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDialogElement, KeyboardEvent};

use super::pages::elements;

thread_local! {
    /// Which picture of its kind is shown.
    static SHOWN: Cell<(usize, &'static str)> = const { Cell::new((0, "")) };
}

/// Shows the picture that a link leads to.
pub fn open(link: &Element) {
    let is_page = link.closest(".original").is_ok_and(|original| original.is_some());
    let kind = if is_page { ".original a.zoom" } else { ".prose a.zoom" };
    let place = elements(kind).iter().position(|other| other == link).unwrap_or(0);
    show(kind, place);
    if let Some(dialog) = dialog() {
        let _ = dialog.show_modal();
    }
}

/// To the picture before or after.
pub fn step(button: &Element) {
    go(if button.get_attribute("data-step").as_deref() == Some("back") { -1 } else { 1 });
}

/// The arrow keys do the same.
pub fn key(event: &KeyboardEvent) {
    if dialog().is_some_and(|dialog| dialog.open()) {
        match event.key().as_str() {
            "ArrowLeft" => go(-1),
            "ArrowRight" => go(1),
            _ => {}
        }
    }
}

fn go(by: isize) {
    let (place, kind) = SHOWN.get();
    if let Some(place) = place.checked_add_signed(by).filter(|place| *place < elements(kind).len()) {
        show(kind, place);
    }
}

fn show(kind: &'static str, place: usize) {
    SHOWN.set((place, kind));
    let links = elements(kind);
    let (Some(link), Some(dialog)) = (links.get(place), dialog()) else { return };
    let caption =
        link.closest("figure").ok().flatten().and_then(|figure| figure.query_selector("figcaption").ok().flatten());
    if let Ok(Some(image)) = dialog.query_selector("img") {
        let _ = image.set_attribute("src", &link.get_attribute("href").unwrap_or_default());
        let alt = link.query_selector("img").ok().flatten().and_then(|image| image.get_attribute("alt"));
        let _ = image.set_attribute("alt", &alt.unwrap_or_default());
    }
    if let Ok(Some(shown)) = dialog.query_selector(".lightbox-caption") {
        // The server has made it of a document's text, and made it safe.
        shown.set_inner_html(&caption.map(|caption| caption.inner_html()).unwrap_or_default());
    }
    for (selector, ends) in [("[data-step=back]", place == 0), ("[data-step=on]", place + 1 == links.len())] {
        if let Ok(Some(button)) = dialog.query_selector(selector) {
            let _ = button.toggle_attribute_with_force("disabled", ends);
        }
    }
}

fn dialog() -> Option<HtmlDialogElement> {
    document().get_element_by_id("lightbox")?.dyn_into().ok()
}
