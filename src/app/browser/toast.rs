//! Words that come up at the edge of the page and go by themselves; and the one that stays while the server is away.

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

/// Shows a sentence for a while; it is read out as well.
pub(crate) fn toast(tone: Tone, words: &str) {
    let class = if tone == Tone::Bad { "notice bad" } else { "notice good" };
    if let Some(toast) = put(class, words) {
        expire(toast);
    }
}

/// Removes what was shown for long enough.
pub(crate) fn expire(toast: Element) {
    Timeout::new(SHOWN_MS, move || toast.remove()).forget();
}

/// The server does not answer: nothing that a person has to act on.
pub(crate) fn away() {
    if let Some(toast) =
        put("notice", "The server is not answering just now. Nothing is lost; this page goes on when it is back.")
    {
        toast.set_id(AWAY_ID);
    }
}

/// The server answers again.
pub(crate) fn back() {
    if let Some(toast) = document().get_element_by_id(AWAY_ID) {
        toast.remove();
    }
}

/// The region is in every page, since one that comes with its words is not read out.
fn put(class: &str, words: &str) -> Option<Element> {
    let region = document().query_selector(".toasts").ok().flatten()?;
    let toast = document().create_element("p").ok()?;
    toast.set_class_name(class);
    toast.set_text_content(Some(words));
    region.append_child(&toast).ok()?;
    Some(toast)
}
