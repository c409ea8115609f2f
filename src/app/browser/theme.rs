//! Light, dark, or as the system has it. The choice is a cookie, so that the server renders the right one at once.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::HtmlDocument;

const YEAR_S: u32 = 31_536_000;

/// Changes to `light`, `dark` or `system`.
pub(crate) fn choose_theme(choice: &str) {
    let Some(root) = document().document_element() else { return };
    let by_hand = choice != "system";
    // Neither can fail on a page that is being looked at; if it does, the page stays as it is.
    let _ = if by_hand { root.set_attribute("data-theme", choice) } else { root.remove_attribute("data-theme") };
    if let Ok(page) = document().dyn_into::<HtmlDocument>() {
        let age_s = if by_hand { YEAR_S } else { 0 };
        let _ = page.set_cookie(&format!("theme={choice}; Path=/; Max-Age={age_s}; SameSite=Lax"));
    }
}
