//! Toasts: messages at the edge of the page that disappear after a while. The one about a lost connection stays until it is back.

use gloo_timers::callback::Timeout;
use leptos::prelude::document;
use web_sys::Element;

const SHOWN_MS: u32 = 6_000;
const AWAY_ID: &str = "away";

/// How a toast looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
}

/// Shows a sentence for a while. Screen readers read it out.
pub(crate) fn toast(tone: Tone, words: &str) {
    let class = if tone == Tone::Bad { "notice bad" } else { "notice good" };
    if let Some(toast) = put(class, words) {
        expire(toast);
    }
}

/// Removes a toast after a while.
pub(crate) fn expire(toast: Element) {
    Timeout::new(SHOWN_MS, move || toast.remove()).forget();
}

/// Says that the server does not answer. The user need not act.
pub(crate) fn show_disconnected() {
    if let Some(toast) = put("notice", "No connection. Nothing is lost; this page will continue by itself.") {
        toast.set_id(AWAY_ID);
    }
}

/// Removes that toast.
pub(crate) fn hide_disconnected() {
    if let Some(toast) = document().get_element_by_id(AWAY_ID) {
        toast.remove();
    }
}

/// Adds a toast to the region that every page has. Screen readers do not read a region that is added with its text.
fn put(class: &str, words: &str) -> Option<Element> {
    let region = document().query_selector(".toasts").ok().flatten()?;
    let toast = document().create_element("p").ok()?;
    toast.set_class_name(class);
    toast.set_text_content(Some(words));
    region.append_child(&toast).ok()?;
    Some(toast)
}
