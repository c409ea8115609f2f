//! The back button: a browser may show a page as it was left, with a form half sent. It is loaded anew instead.

use leptos::prelude::window;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::PageTransitionEvent;

/// Waits for this page to be shown again.
pub(crate) fn begin() {
    let shown = Closure::<dyn Fn(PageTransitionEvent)>::new(|event: PageTransitionEvent| {
        if event.persisted() {
            let _ = window().location().reload();
        }
    });
    let _ = window().add_event_listener_with_callback("pageshow", shown.as_ref().unchecked_ref());
    shown.forget();
}
