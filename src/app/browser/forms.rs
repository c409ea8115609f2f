//! Forms that are sent without leaving the page. `data-send` names one of [`SENDERS`]. While it is under way the button rests; what went
//! wrong stands in the form's `role="alert"`.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlInputElement};

use super::clicks::on;
use super::look;
use crate::app::server::{create_token, sign_in, sign_up};
use crate::model::wire::NewToken;
use crate::model::{ApiError, EndedAccess};

/// Listens for the whole page.
pub fn listen() {
    on("submit", |event: Event| {
        let form = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let Some(form) = form.filter(|form| form.has_attribute("data-send")) else { return };
        event.prevent_default();
        // Pressed twice, sent once.
        if !form.has_attribute("aria-busy") {
            let _ = form.set_attribute("aria-busy", "true");
            leptos::task::spawn_local(send(form));
        }
    });
}

async fn send(form: Element) {
    let sent = match form.get_attribute("data-send").as_deref() {
        Some("sign-up") => enter(sign_up(value(&form, "email"), value(&form, "password")).await),
        Some("sign-in") => {
            let entered = sign_in(value(&form, "email"), value(&form, "password")).await;
            enter(entered.map(|()| EndedAccess::default()))
        }
        _ => create_token(value(&form, "name")).await.map(|token| show(&form, &token)),
    };
    tell(&form, sent.err());
    let _ = form.remove_attribute("aria-busy");
}

/// Everything on the page belongs to another account now. The account page tells what has ended, if anything has.
fn enter(entered: Result<EndedAccess, ApiError>) -> Result<(), ApiError> {
    entered.map(|ended| {
        let _ = match ended == EndedAccess::default() {
            true => window().location().reload(),
            false => window().location().set_href(&format!("/account?ended={}", ended.to_query())),
        };
    })
}

/// Shows a token in the place `#made`, for this once.
fn show(form: &Element, token: &NewToken) {
    let Some(place) = document().get_element_by_id("made") else { return };
    if let Ok(Some(name)) = place.query_selector("[data-named]") {
        name.set_text_content(Some(&token.name));
    }
    if let Some(secret) = field(&place, "token") {
        secret.set_value(&token.token);
    }
    let _ = place.remove_attribute("hidden");
    if let Some(name) = field(form, "name") {
        name.set_value("");
    }
    look();
}

/// What is wrong, or nothing any more.
fn tell(form: &Element, error: Option<ApiError>) {
    let Ok(Some(alert)) = form.query_selector("[role=alert]") else { return };
    let _ = match error {
        None => alert.set_attribute("hidden", ""),
        Some(error) => {
            alert.set_text_content(Some(&error.message));
            let _ = alert.set_attribute("data-code", error.code.name());
            alert.remove_attribute("hidden")
        }
    };
}

fn value(form: &Element, name: &str) -> String {
    field(form, name).map(|field| field.value()).unwrap_or_default()
}

fn field(within: &Element, name: &str) -> Option<HtmlInputElement> {
    within.query_selector(&format!("[name={name}]")).ok().flatten()?.dyn_into().ok()
}
