//! What is asked before it is done. A question is a native dialog that the server has rendered (`components/question.rs`); its answer
//! is the value of the button that closed it, so Escape means no. `data-delete` is a document's id, `data-revoke` a token's, each with
//! `data-name`, what to ask about; `data-leave` deletes the account of that id.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlDialogElement};

use super::{Tone, look, toast};
use crate::app::server::{delete_account, delete_document, revoke_token};
use crate::model::ApiError;

/// Deletes a document.
pub fn delete(button: &Element) {
    let id = button.get_attribute("data-delete").unwrap_or_default();
    ask("removal", button, |name| async move {
        delete_document(id).await?;
        toast(Tone::Good, &format!("“{name}” is deleted. Its receipt stays."));
        look();
        Ok(())
    });
}

/// Ends a token.
pub fn revoke(button: &Element) {
    let id = button.get_attribute("data-revoke").unwrap_or_default();
    ask("revocation", button, |name| async move {
        revoke_token(id).await?;
        toast(Tone::Good, &format!("“{name}” is revoked."));
        look();
        Ok(())
    });
}

/// Deletes the account.
pub fn leave(button: &Element) {
    let id = button.get_attribute("data-leave").unwrap_or_default();
    ask("leaving", button, |_| async {
        delete_account(id).await?;
        let _ = window().location().reload();
        Ok(())
    });
}

/// Shows the question and, if the answer is yes, acts; an error is said.
fn ask<A: Future<Output = Result<(), ApiError>> + 'static>(
    question: &str,
    button: &Element,
    act: impl FnOnce(String) -> A + 'static,
) {
    let dialog = document().get_element_by_id(question).and_then(|dialog| dialog.dyn_into::<HtmlDialogElement>().ok());
    let Some(dialog) = dialog else { return };
    let name = button.get_attribute("data-name").unwrap_or_default();
    if let Ok(Some(place)) = dialog.query_selector("[data-named]") {
        place.set_text_content(Some(&name));
    }
    let closed = dialog.clone();
    let answered = Closure::once_into_js(move || {
        if closed.return_value() == "yes" {
            leptos::task::spawn_local(async move {
                if let Err(error) = act(name).await {
                    toast(Tone::Bad, &error.message);
                }
            });
        }
    });
    dialog.set_return_value("");
    dialog.set_onclose(Some(answered.unchecked_ref()));
    let _ = dialog.show_modal();
}
