//! One page: its text or why it has none, and its original beside it.

use leptos::prelude::*;

use super::checks::Check;
use super::reread::RereadPage;
use super::{Asked, Drawn};
use crate::model::wire::{Original, PageView};

#[component]
pub fn PageSection(page: PageView, drawn: Drawn) -> impl IntoView {
    let is_draft = drawn.is_draft;
    let number = page.index + 1;
    let anchor = format!("page-{number}");
    let without_text = page.html.is_empty();
    let note_class = if page.has_quiet_note() { "reread" } else { "notice warn" };
    let failure = page.failure.map(|reason| view! { <Failure reason is_draft without_text /> });
    let text = (!without_text).then(|| view! { <div class="prose" inner_html=page.html></div> });
    // A draft's page without text shows its original instead.
    let asked = drawn.asked.original.as_str();
    let open = asked == "all" || asked == number.to_string() || is_draft && without_text;
    let kept = drawn.original == Original::Kept;
    let label = page.label.map(|label| view! { <small>{format!("p. {label}")}</small> });
    let check = view! { <Check number check=page.check drawn=drawn.clone() /> };
    view! {
        <section class="page" id=anchor.clone() data-testid="document-page" aria-label=format!("Page {number}")>
            <p class="page-mark">
                <a href=format!("#{anchor}") data-goto=anchor.clone()>
                    {format!("Page {number}")}
                </a>
                " "
                {label}
            </p>
            {kept.then(|| view! { <OriginalPage index=page.index open drawn=drawn.clone() /> })}
            <div class="page-body">
                {check}{failure}{text}{page.note.map(|note| view! { <p class=note_class>{note}</p> })}
                <RereadPage index=page.index tokens=page.reread_tokens drawn />
            </div>
        </section>
    }
}

/// Why a page was not read with AI. The file's own text follows, if there is any.
#[component]
fn Failure(reason: String, is_draft: bool, without_text: bool) -> impl IntoView {
    let headline = match (is_draft, without_text) {
        (true, _) => None,
        (false, true) => Some("This page could not be read."),
        (false, false) => Some("Plain text: Gemini would not read this page"),
    };
    view! {
        <div class="page-failed stack tight">
            {headline
                .map(|words| {
                    view! {
                        <p>
                            <strong>{words}</strong>
                        </p>
                    }
                })} <p class="soft">{reason}</p>
        </div>
    }
}

/// The link that shows the original page and, if `open`, its picture. `browser/original.rs` toggles the picture without fetching the page,
/// so `data-own` keeps this part from being replaced.
#[component]
fn OriginalPage(index: u32, open: bool, drawn: Drawn) -> impl IntoView {
    let number = index + 1;
    let picture = format!("/v1/documents/{}/pages/{index}/original", drawn.document);
    let original = if open { String::new() } else { number.to_string() };
    let other = Asked { original, ..drawn.asked };
    let way = format!("{}#page-{number}", other.address(&drawn.document, &format!("page={number}")));
    let shown = open.then(|| {
        let enlarge = format!("Enlarge the original of page {number}");
        let alt = format!("Original of page {number}");
        view! {
            <a class="zoom" href=picture.clone() aria-label=enlarge>
                <img src=picture.clone() alt=alt loading="lazy" />
            </a>
        }
    });
    view! {
        <div class="original" data-own="" data-open=open.then_some("")>
            <a
                class="original-way"
                href=way
                aria-expanded=open.to_string()
                data-original=number.to_string()
                data-picture=picture.clone()
            >
                "Original"
                <span class="visually-hidden">{format!(" of page {number}")}</span>
            </a>
            {shown}
        </div>
    }
}
