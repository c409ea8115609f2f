//! Sends forms without leaving the page. The server answers a form with a redirect. If it leads to the shown page, the changes are applied
//! in place, so that scroll position and focus stay. Any other page is opened. Islands send their own forms.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDialogElement, HtmlFormElement, SubmitEvent};

use super::clicks::on;
use super::morph::morph;
use super::page::submit;
use super::toast::{Tone, expire, toast};
use super::{address, elements_of, live};

/// Listens on the whole page.
pub(crate) fn listen() {
    expire_good();
    on("submit", |event: SubmitEvent| {
        let Some(form) = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok()) else { return };
        // Read the attribute: a field named `method` would hide the property.
        if form.get_attribute("method").as_deref() != Some("post")
            || form.closest("leptos-island").is_ok_and(|island| island.is_some())
        {
            return;
        }
        event.prevent_default();
        // A double click sends the form once.
        if !form.has_attribute("aria-busy") {
            let _ = form.set_attribute("aria-busy", "true");
            leptos::task::spawn_local(async move {
                send(&form, event.submitter().as_deref()).await;
                let _ = form.remove_attribute("aria-busy");
            });
        }
    });
}

async fn send(form: &HtmlFormElement, button: Option<&Element>) {
    // Closing the dialog returns the focus to its button.
    if let Ok(Some(question)) = form.closest("dialog") {
        question.unchecked_ref::<HtmlDialogElement>().close();
    }
    match submit(form, button).await {
        Ok((page, url)) if is_shown(&url) => {
            address::replace(&url);
            say(&page, form);
            live::apply(&page);
        }
        Ok((_, url)) => {
            let _ = window().location().assign(&url);
        }
        Err(error) => toast(Tone::Bad, &error.message),
    }
}

/// Whether the URL is the page in this tab, with any query.
fn is_shown(url: &str) -> bool {
    let location = window().location();
    let (Ok(origin), Ok(path)) = (location.origin(), location.pathname()) else { return false };
    url.split(['?', '#']).next() == Some(&format!("{origin}{path}"))
}

/// Shows the outcome of the form, from the page's `data-said` parts. Success disappears after a while, errors with the next form.
fn say(page: &web_sys::Document, form: &HtmlFormElement) {
    // Look before `morph` moves the alert into the shown page.
    let is_done = elements_of(page, "[role=alert]").is_empty();
    for (shown, said) in elements_of(&document(), "[data-said]").iter().zip(&elements_of(page, "[data-said]")) {
        morph(shown, said);
    }
    expire_good();
    if is_done {
        form.reset();
    }
}

fn expire_good() {
    elements_of(&document(), ".toasts > .good").into_iter().for_each(expire);
}
