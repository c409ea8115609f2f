//! Reading a page again: the button with its price, and what became of the last time.

use leptos::prelude::*;

use super::Drawn;
use crate::app::server::Reread;
use crate::model::count_words;
use crate::model::wire::JobView;

/// The button, if reading the page again is offered at this price in token equivalents.
#[component]
pub fn RereadPage(index: u32, tokens: Option<u64>, drawn: Drawn) -> impl IntoView {
    let number = index + 1;
    let state = drawn.reread.and_then(|job| state_words(&job, index));
    let state = state.map(|words| view! { <p role="status">{words}</p> });
    let form = tokens.map(|tokens| {
        let reread = ServerAction::<Reread>::new();
        view! {
            <ActionForm action=reread>
                <input type="hidden" name="id" value=drawn.document />
                <input type="hidden" name="page" value=number.to_string() />
                <button class="button ghost small">
                    "Read this page again" <span class="visually-hidden">{format!(" (page {number})")}</span>
                </button>
                <small>{format!("about {} tokens", count_words(tokens))}</small>
            </ActionForm>
        }
    });
    (state.is_some() || form.is_some()).then(|| view! { <div class="reread">{state}{form}</div> })
}

/// What the newest job that reads pages again says of a page.
fn state_words(job: &JobView, index: u32) -> Option<&'static str> {
    let is_active = job.status.is_active();
    let has_failed = job.failed_pages.contains(index) || (!is_active && job.document_id.is_none());
    match job.pages.contains(index) {
        true if is_active => Some("This page is being read again. Its text stays until the new one is here."),
        true if has_failed => Some("This page could not be read again. It stays as it was, and you were not charged."),
        _ => None,
    }
}
