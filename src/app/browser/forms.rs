//! Forms that post are sent without leaving the page. The server answers a form with a redirect to a page. If it is the page that is shown,
//! what has changed is taken over, so the reader's place and focus stay; any other page is opened. Without script a browser does the same by
//! a load of the whole page. The forms of islands are left to them.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDialogElement, HtmlFormElement, SubmitEvent};

use super::clicks::on;
use super::morph::morph;
use super::page::submit;
use super::toast::{Tone, expire, toast};
use super::{address, elements_of, live};

/// Listens for the whole page.
pub(crate) fn listen() {
    expire_good();
    on("submit", |event: SubmitEvent| {
        let Some(form) = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok()) else { return };
        // By attribute: a form's properties may be its fields.
        if form.get_attribute("method").as_deref() != Some("post")
            || form.closest("leptos-island").is_ok_and(|island| island.is_some())
        {
            return;
        }
        event.prevent_default();
        // Pressed twice, sent once.
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
    // The focus goes back to where the question was asked.
    if let Ok(Some(question)) = form.closest("dialog") {
        question.unchecked_ref::<HtmlDialogElement>().close();
    }
    match submit(form, button).await {
        Ok((page, url)) if is_shown(&url) => {
            address::replace(&url);
            say(&page, form);
            live::take_over(&page);
        }
        Ok((_, url)) => {
            let _ = window().location().assign(&url);
        }
        Err(error) => toast(Tone::Bad, &error.message),
    }
}

/// Whether that is the page in this tab. Its query may be another one.
fn is_shown(url: &str) -> bool {
    let location = window().location();
    let (Ok(origin), Ok(path)) = (location.origin(), location.pathname()) else { return false };
    url.split(['?', '#']).next() == Some(&format!("{origin}{path}"))
}

/// Shows what the page says of the form, in its parts `data-said`: good news for a while, the rest until the next form is sent.
fn say(page: &web_sys::Document, form: &HtmlFormElement) {
    // What is taken over leaves the page.
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
