//! Clicks on elements in live parts of a page (`live.rs`, `pages.rs`). Islands cannot own these elements, because parts of a fetched page
//! are not hydrated. An element has an attribute of [`ACTIONS`]. A link works as usual without script, or with Ctrl, Shift or Meta.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlDialogElement, HtmlElement, KeyboardEvent, MouseEvent};

use super::{copies, original, pages, query};

type Act = fn(&Element);

const ACTIONS: [(&str, Act); 4] = [
    ("[data-copy]", copies::copy),
    ("[data-goto]", pages::follow),
    (".prose a[href*='#page-']", pages::follow),
    ("[data-original]", original::toggle),
];

/// Listens on the whole page.
pub(crate) fn listen() {
    query::begin();
    on("click", |event: MouseEvent| {
        let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
        close_menus(Some(&target));
        if event.ctrl_key() || event.meta_key() || event.shift_key() {
            return;
        }
        if let Ok(Some(button)) = target.closest("[commandfor]") {
            return follow_command(&button);
        }
        for (selector, act) in ACTIONS {
            if let Ok(Some(element)) = target.closest(selector) {
                event.prevent_default();
                return act(&element);
            }
        }
    });
    on("keydown", |event: KeyboardEvent| {
        if event.key() == "Escape" {
            close_menus(None);
        }
    });
}

/// Opens or closes the dialog that a button names, in browsers without invoker commands: Safari before 26.2, Firefox before 144
/// (<https://web-platform-dx.github.io/web-features-explorer/features/invoker-commands>, read 2026-11-30).
fn follow_command(button: &Element) {
    if js_sys::Reflect::has(button, &"commandForElement".into()).unwrap_or_default() {
        return;
    }
    let id = button.get_attribute("commandfor").unwrap_or_default();
    let dialog = document().get_element_by_id(&id).and_then(|dialog| dialog.dyn_into::<HtmlDialogElement>().ok());
    match (dialog, button.get_attribute("command").as_deref()) {
        (Some(dialog), Some("close")) => dialog.close(),
        (Some(dialog), _) => drop(dialog.show_modal()),
        _ => {}
    }
}

/// Closes the open menu, a `details` element, unless the click is on its summary. Returns the focus to the summary.
fn close_menus(clicked: Option<&Element>) {
    let Ok(Some(menu)) = document().query_selector("details.menu[open]") else { return };
    let Ok(Some(summary)) = menu.query_selector("summary") else { return };
    if clicked.is_some_and(|clicked| summary.contains(Some(clicked))) {
        return;
    }
    if document().active_element().is_some_and(|focused| menu.contains(Some(&focused))) {
        let _ = summary.unchecked_ref::<HtmlElement>().focus();
    }
    let _ = menu.remove_attribute("open");
}

/// Calls `react` at each event of this name anywhere on the page, until the page is closed.
pub(crate) fn on<E: wasm_bindgen::convert::FromWasmAbi + 'static>(name: &str, react: impl Fn(E) + 'static) {
    let react = Closure::<dyn Fn(E)>::new(react);
    let _ = document().add_event_listener_with_callback(name, react.as_ref().unchecked_ref());
    react.forget();
}
