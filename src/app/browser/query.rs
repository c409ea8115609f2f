//! A search field in a form `data-query`: while a person types, the address follows and the live part of the page with it. Without
//! script, and on Enter, it is the form of any page.

use gloo_timers::callback::Timeout;
use leptos::prelude::document;
use std::cell::RefCell;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, HtmlInputElement};

use super::{address, look};

/// A pause in typing.
const PAUSE_MS: u32 = 150;

thread_local! {
    static PAUSE: RefCell<Option<Timeout>> = const { RefCell::new(None) };
}

/// Listens to the field, if this page has one.
pub(crate) fn begin() {
    let Ok(Some(field)) = document().query_selector("form[data-query] input") else { return };
    let typed = Closure::<dyn Fn(Event)>::new(|event: Event| {
        let Some(field) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else { return };
        let follow = move || {
            let query = js_sys::encode_uri_component(&field.value());
            address::replace(&address::with(&format!("q={query}"), &["q=", "page=", "from=", "before="]));
            look();
        };
        PAUSE.with(|pause| *pause.borrow_mut() = Some(Timeout::new(PAUSE_MS, follow)));
    });
    let _ = field.add_event_listener_with_callback("input", typed.as_ref().unchecked_ref());
    typed.forget();
}
