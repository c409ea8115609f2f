//! A file that is dropped beside the place for it: the browser would leave the page and show the file instead.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{DragEvent, Element, Event, HtmlInputElement};

/// Guards the whole page. What is dropped anywhere goes where files go, if there is such a place just now.
pub fn listen() {
    for name in ["dragover", "drop"] {
        let guard = Closure::<dyn Fn(DragEvent)>::new(move |event: DragEvent| {
            let on_input = event.target().is_some_and(|target| target.has_type::<HtmlInputElement>());
            if on_input || event.data_transfer().is_none() {
                return;
            }
            event.prevent_default();
            if name == "drop" {
                hand_over(&event);
            }
        });
        let _ = document().add_event_listener_with_callback(name, guard.as_ref().unchecked_ref());
        guard.forget();
    }
}

fn hand_over(event: &DragEvent) {
    let input =
        document().query_selector("input[type=file]").ok().flatten().and_then(|input: Element| input.dyn_into().ok());
    let files = event.data_transfer().and_then(|transfer| transfer.files()).filter(|files| files.length() > 0);
    if let (Some(files), Some::<HtmlInputElement>(input)) = (files, input) {
        input.set_files(Some(&files));
        if let Ok(change) = Event::new("change") {
            let _ = input.dispatch_event(&change);
        }
    }
}
