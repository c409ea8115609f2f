//! The theme. It is stored in a cookie, so that the server renders a page in the right theme at once.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::HtmlDocument;

const YEAR_S: u32 = 31_536_000;

/// Applies and stores the theme `light`, `dark` or `system`.
pub(crate) fn choose_theme(choice: &str) {
    let Some(root) = document().document_element() else { return };
    let by_hand = choice != "system";
    // These calls do not fail on a shown page. If they did, the page would keep its theme.
    let _ = if by_hand { root.set_attribute("data-theme", choice) } else { root.remove_attribute("data-theme") };
    if let Ok(page) = document().dyn_into::<HtmlDocument>() {
        let age_s = if by_hand { YEAR_S } else { 0 };
        let _ = page.set_cookie(&format!("theme={choice}; Path=/; Max-Age={age_s}; SameSite=Lax"));
    }
}
