//! Light, dark, or as the system has it. The choice is a cookie, so that the server renders the right one at once.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDocument};

const YEAR_S: u32 = 31_536_000;

/// Marks the choice that stands.
pub fn begin() {
    let chosen = document().document_element().and_then(|root| root.get_attribute("data-theme"));
    let chosen = chosen.as_deref().unwrap_or("system");
    let Ok(choices) = document().query_selector_all("[data-theme-choice]") else { return };
    for index in 0..choices.length() {
        if let Some(choice) = choices.get(index).and_then(|node| node.dyn_into::<Element>().ok()) {
            let stands = choice.get_attribute("data-theme-choice").as_deref() == Some(chosen);
            let _ = choice.set_attribute("aria-pressed", if stands { "true" } else { "false" });
        }
    }
}

/// Changes to the choice of a button.
pub fn choose(button: &Element) {
    let choice = button.get_attribute("data-theme-choice").unwrap_or_default();
    let Some(root) = document().document_element() else { return };
    let by_hand = choice != "system";
    // Neither can fail on a page that is being looked at; if it does, the page stays as it is.
    let _ = if by_hand { root.set_attribute("data-theme", &choice) } else { root.remove_attribute("data-theme") };
    if let Ok(page) = document().dyn_into::<HtmlDocument>() {
        let age_s = if by_hand { YEAR_S } else { 0 };
        let _ = page.set_cookie(&format!("theme={choice}; Path=/; Max-Age={age_s}; SameSite=Lax"));
    }
    begin();
}
