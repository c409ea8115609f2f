//! A search field in a form with `data-query`: while the user types, the address and the live part of the page follow. Without script,
//! and on Enter, the form works as usual.

use gloo_timers::callback::Timeout;
use leptos::prelude::document;
use std::cell::RefCell;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, HtmlInputElement};

use super::{address, poll};

/// A pause in typing, after which the search runs.
const PAUSE_MS: u32 = 150;

thread_local! {
    static PAUSE: RefCell<Option<Timeout>> = const { RefCell::new(None) };
}

/// Listens to the field, if the page has one.
pub(crate) fn begin() {
    let Ok(Some(field)) = document().query_selector("form[data-query] input") else { return };
    let typed = Closure::<dyn Fn(Event)>::new(|event: Event| {
        let Some(field) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else { return };
        let follow = move || {
            let query = js_sys::encode_uri_component(&field.value());
            address::replace(&address::with(&format!("q={query}"), &["q=", "page=", "from=", "before="]));
            poll();
        };
        PAUSE.with(|pause| *pause.borrow_mut() = Some(Timeout::new(PAUSE_MS, follow)));
    });
    let _ = field.add_event_listener_with_callback("input", typed.as_ref().unchecked_ref());
    typed.forget();
}
