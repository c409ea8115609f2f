//! The head of a document: title, notices and tools.

use leptos::either::{Either, EitherOf3};
use leptos::prelude::*;

use super::Asked;
use super::search::Search;
use crate::app::components::{LocalTime, grouped, page_count};
use crate::app::server::{Retry, retry_quote};
use crate::model::wire::{DocumentSummary, JobView, Original};
use crate::model::{Mode, Quote, batch_by_default, count_words};

#[component]
pub fn Head(
    document: DocumentSummary,
    job: Option<JobView>,
    original: Original,
    asked: Asked,
    checks: AnyView,
) -> impl IntoView {
    let price = match document.charged_tokens {
        0 => "Free".to_owned(),
        tokens => format!("{} tokens", grouped(tokens)),
    };
    let id = document.id.clone();
    view! {
        <header class="reader-head" id="head">
            <h1>{document.title.clone()}</h1>
            <p class="row-meta">
                <span>{page_count(document.pages.into())}</span>
                <span>{price}</span>
                <span>
                    <LocalTime at=document.created_at day=true />
                </span>
            </p>
            {match job {
                Some(job) => Either::Left(view! { <JobNotice job draft=document.is_draft /> }),
                None => Either::Right(view! { <Failures document=document.clone() /> }),
            }}
            {checks}
            <div class="reader-tools">
                <Search id=id.clone() asked=asked.clone() />
                <Originals id=id.clone() original asked />
                <Exports id />
            </div>
        </header>
    }
}

/// Says that a job is reading pages of this document.
#[component]
fn JobNotice(job: JobView, draft: bool) -> impl IntoView {
    let (what, more) = match (draft, job.rereads, job.pages.len()) {
        (true, ..) => ("Plain text for now.", " The finished pages will replace it here; you keep your place. "),
        (_, false, _) => ("The failed pages are being read again.", " They will appear here; you keep your place. "),
        (_, _, 1) => ("A page is being read again.", " The new text will replace the old one; you keep your place. "),
        _ => ("Some pages are being read again.", " The new text will replace the old one; you keep your place. "),
    };
    view! {
        <div class="notice" id="meanwhile" role="status">
            <p>
                <strong>{what}</strong>
                {more}
                <a href=format!("/batch/{}", job.content_hash)>"See progress"</a>
            </p>
        </div>
    }
}

#[component]
fn Failures(document: DocumentSummary) -> impl IntoView {
    let id = document.id.clone();
    let (words, more) = match document.failed_pages {
        0 => return None,
        1 => ("1 page could not be read.".to_owned(), " You were not charged for it. It is marked below."),
        failed => (
            format!("{} pages could not be read.", grouped(failed.into())),
            " You were not charged for them. They are marked below.",
        ),
    };
    // A text document has no AI mode, so use the mode that Home would propose.
    let mode = match document.mode {
        Mode::Text if batch_by_default(document.failed_pages as usize) => Mode::Batch,
        Mode::Text => Mode::Realtime,
        mode => mode,
    };
    let quote = Resource::new(|| (), move |()| retry_quote(document.id.clone()));
    let button = if document.mode == Mode::Text { "Read with AI" } else { "Read failed pages again" };
    let retry = ServerAction::<Retry>::new();
    Some(view! {
        <div class="notice warn" id="failures" role="note">
            <p>
                <strong>{words}</strong>
                {more}
                <Suspense>
                    {move || Suspend::new(async move {
                        quote.await.ok().map(|quote| price_words(quote, mode, document.failed_pages))
                    })}
                </Suspense>
            </p>
            <ActionForm action=retry>
                <input type="hidden" name="id" value=id />
                <input type="hidden" name="mode" value=mode.into_str() />
                <button class="button">{button}</button>
            </ActionForm>
        </div>
    })
}

fn price_words(quote: Quote, mode: Mode, failed_pages: u32) -> String {
    let which = if failed_pages == 1 { "it" } else { "them" };
    let way = if mode == Mode::Batch { "as a batch" } else { "with AI now" };
    format!(" Reading {which} {way} costs about {} tokens.", count_words(quote.of(mode)))
}

/// The link that shows or hides all original pages. `browser/place.rs` keeps the reader's place in it.
#[component]
fn Originals(id: String, original: Original, asked: Asked) -> impl IntoView {
    let (words, other) = match asked.original.as_str() {
        "all" => ("Hide original pages", ""),
        _ => ("Show original pages", "all"),
    };
    let other = Asked { original: other.to_owned(), ..asked };
    match original {
        Original::None => EitherOf3::A(()),
        Original::Kept => EitherOf3::B(view! {
            <a class="button small" href=other.address(&id, "") data-here="">
                {words}
            </a>
        }),
        Original::Gone => EitherOf3::C(
            view! { <p class="soft">"The uploaded file is no longer stored, so the original pages cannot be shown."</p> },
        ),
    }
}

#[component]
fn Exports(id: String) -> impl IntoView {
    let way = |format: &str, words: &'static str, more: &'static str| {
        let address = format!("/v1/documents/{id}/export?format={format}");
        view! {
            <li>
                <a href=address download="">
                    {words}
                    <small>{more}</small>
                </a>
            </li>
        }
    };
    view! {
        <details class="menu">
            <summary class="button small">"Download"</summary>
            <ul class="menu-list">
                {way("md", "Markdown", "The text")} {way("html", "Web page", "Text and figures in one file")}
                {way("zip", "Archive", "Markdown with its figures")}
            </ul>
        </details>
    }
}
