//! A file that is dropped beside the place for it: the browser would leave the page and show the file instead. And what is pasted
//! onto the page, beside any field: a file is taken like one that was chosen, an address goes to the field `#address`.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, DataTransfer, DragEvent, Element, Event, HtmlElement, HtmlInputElement};

use super::clicks::on;
use super::{Tone, toast};

/// Guards the whole page. What is dropped anywhere goes where files go, if there is such a place just now.
pub(crate) fn listen() {
    for name in ["dragover", "drop"] {
        on(name, move |event: DragEvent| {
            let Some(dropped) = event.data_transfer().filter(|dropped| !is_taken(&event, dropped)) else { return };
            event.prevent_default();
            if name == "drop" {
                hand_over(&dropped);
            }
        });
    }
    on("paste", |event: ClipboardEvent| take_pasted(&event));
}

/// Whether a field takes it by itself: the one for files anything, the others words.
fn is_taken(event: &DragEvent, dropped: &DataTransfer) -> bool {
    let field = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
    let holds_files = dropped.types().includes(&"Files".into(), 0);
    field.is_some_and(|field| field.type_() == "file" || !holds_files)
}

fn take_pasted(event: &ClipboardEvent) {
    let in_field = event.target().is_some_and(|target| target.has_type::<HtmlInputElement>());
    let Some(pasted) = event.clipboard_data().filter(|_| !in_field) else { return };
    if hand_over(&pasted) {
        return;
    }
    let text = pasted.get_data("text").unwrap_or_default();
    if text.starts_with("http")
        && let Some(field) = input_at("#address")
    {
        field.set_value(text.trim());
        tell(&field, "input");
        let _ = field.unchecked_ref::<HtmlElement>().focus();
    }
}

/// Gives files to where files go. `false`: there are none.
fn hand_over(from: &DataTransfer) -> bool {
    let Some(files) = from.files().filter(|files| files.length() > 0) else { return false };
    if let Some(input) = input_at("input[type=file]") {
        input.set_files(Some(&files));
        tell(&input, "change");
    } else if window().location().pathname().is_ok_and(|path| path == "/") {
        toast(Tone::Bad, "There is a document on the desk. Send it off, or put it away, and drop this one again.");
    } else {
        toast(Tone::Bad, "Documents are taken on Home. Drop it there.");
    }
    true
}

fn input_at(selector: &str) -> Option<HtmlInputElement> {
    document().query_selector(selector).ok().flatten().and_then(|input: Element| input.dyn_into().ok())
}

fn tell(input: &HtmlInputElement, what: &str) {
    if let Ok(event) = Event::new(what) {
        let _ = input.dispatch_event(&event);
    }
}
