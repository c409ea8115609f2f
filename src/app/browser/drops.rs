//! Files and links that are dropped or pasted anywhere on the page. By default a browser would leave the page to show a dropped file.
//! A file goes to the file input, and a pasted link to the field `#address`.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, DataTransfer, DragEvent, Element, Event, HtmlElement, HtmlInputElement};

use super::clicks::on;
use super::{Tone, toast};

/// Listens on the whole page.
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

/// Whether the target accepts the drop itself: a file input accepts anything, other fields accept text.
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

/// Puts files into the file input, or says why not. Returns `false` if there are no files.
fn hand_over(from: &DataTransfer) -> bool {
    let Some(files) = from.files().filter(|files| files.length() > 0) else { return false };
    if let Some(input) = input_at("input[type=file]") {
        input.set_files(Some(&files));
        tell(&input, "change");
    } else if window().location().pathname().is_ok_and(|path| path == "/") {
        toast(Tone::Bad, "Submit or discard the current document first. Then drop this one again.");
    } else {
        toast(Tone::Bad, "You can add documents on Home. Drop the file there.");
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
