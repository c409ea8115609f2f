//! `data-copy` on a button: the id of the field whose text is copied to the clipboard.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, HtmlInputElement};

use super::{Tone, toast};

/// Copies the text and says so. If the browser refuses, selects the text for the user to copy.
pub(crate) fn copy(button: &Element) {
    let id = button.get_attribute("data-copy").unwrap_or_default();
    let field = document().get_element_by_id(&id).and_then(|field| field.dyn_into::<HtmlInputElement>().ok());
    let Some(field) = field else { return };
    let clipboard = window().navigator().clipboard();
    leptos::task::spawn_local(async move {
        // Pages over plain HTTP have no clipboard (https://developer.mozilla.org/docs/Web/API/Navigator/clipboard, read 2026-11-30).
        let has_clipboard = !clipboard.is_undefined();
        if has_clipboard && JsFuture::from(clipboard.write_text(&field.value())).await.is_ok() {
            toast(Tone::Good, "Copied.");
        } else {
            let _ = field.focus();
            field.select();
            toast(Tone::Bad, "The browser did not allow copying. The text is selected: copy it with the keyboard.");
        }
    });
}
