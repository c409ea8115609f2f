//! Deleting a document: `data-delete` is its id, `data-title` what to ask about. The question is a native dialog, `#removal`, which the
//! server has rendered; its answer is the value of the button that closed it.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlDialogElement};

use super::{Tone, look, toast};
use crate::app::server::delete_document;

/// Asks, and deletes if that is the answer.
pub fn ask(button: &Element) {
    let Some(dialog) =
        document().get_element_by_id("removal").and_then(|dialog| dialog.dyn_into::<HtmlDialogElement>().ok())
    else {
        return;
    };
    let id = button.get_attribute("data-delete").unwrap_or_default();
    let title = button.get_attribute("data-title").unwrap_or_default();
    if let Ok(Some(name)) = dialog.query_selector("[data-name]") {
        name.set_text_content(Some(&title));
    }
    let closed = dialog.clone();
    let answered = Closure::once_into_js(move || {
        if closed.return_value() == "delete" {
            leptos::task::spawn_local(delete(id, title));
        }
    });
    dialog.set_return_value("");
    dialog.set_onclose(Some(answered.unchecked_ref()));
    let _ = dialog.show_modal();
}

async fn delete(id: String, title: String) {
    match delete_document(id).await {
        Ok(()) => {
            toast(Tone::Good, &format!("“{title}” is deleted. Its receipt stays."));
            look();
        }
        Err(error) => toast(Tone::Bad, &error.message),
    }
}
