//! Plain elements that do something when they are clicked, wherever they stand, also when they came later. Each names itself by an
//! attribute of [`ACTIONS`]; a link among them is followed as usual where the script has not run, or when it is to open elsewhere.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlElement, KeyboardEvent, MouseEvent};

use super::{copies, jobs, lightbox, membership, original, pages, query, questions, theme};

type Act = fn(&Element);

const ACTIONS: [(&str, Act); 13] = [
    ("[data-theme-choice]", theme::choose),
    ("[data-again]", jobs::try_again),
    ("[data-retry]", jobs::retry_failed_pages),
    ("[data-dismiss]", jobs::dismiss),
    ("[data-delete]", questions::delete),
    ("[data-revoke]", questions::revoke),
    ("[data-leave]", questions::leave),
    ("[data-sign-out]", membership::sign_out),
    ("[data-copy]", copies::copy),
    ("[data-goto]", pages::follow),
    ("a.zoom", lightbox::open),
    ("[data-step]", lightbox::step),
    ("[data-original]", original::toggle),
];

/// Listens for the whole page.
pub fn listen() {
    theme::begin();
    query::begin();
    on("click", |event: MouseEvent| {
        let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
        close_menus(Some(&target));
        if event.ctrl_key() || event.meta_key() || event.shift_key() {
            return;
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
        lightbox::key(&event);
    });
}

/// Menus are `details` elements: they close when something else is clicked, and give the focus back.
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

/// Calls `react` at each such event anywhere on the page, for as long as it lives.
pub fn on<E: wasm_bindgen::convert::FromWasmAbi + 'static>(name: &str, react: impl Fn(E) + 'static) {
    let react = Closure::<dyn Fn(E)>::new(react);
    let _ = document().add_event_listener_with_callback(name, react.as_ref().unchecked_ref());
    react.forget();
}
