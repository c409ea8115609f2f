//! A document to be read. The pages around the place that the address names are in the HTML; the rest come as the reader gets near
//! them (`browser/pages.rs`), or by links where no script runs.

mod head;
mod lightbox;
mod outline;
mod page;
mod search;

use leptos::either::{Either, EitherOf4};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{NotFound, TroublePage, is_absent};
use crate::app::PageContext;
use crate::app::server::open_document;
use crate::model::percent_encoded;
use crate::model::wire::{DocumentView, Opened, Original, PageView, ReaderRequest, Span};
use head::Head;
use lightbox::Lightbox;
use outline::Outline;
use page::PageSection;
use search::Hits;

/// `/documents/{id}`. `?page=` or `?from=` name a place, `?q=` what to search for, `?original=` which page is shown as it was
/// beside its text, `all` or one, and `?only=pages` leaves away all but the pages.
#[component]
pub fn Reader() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("id").unwrap_or_default());
    let asked = use_query_map().with_untracked(Asked::of);
    let place = asked.place.clone();
    let found = Resource::new(
        move || (id.clone(), place.clone()),
        move |(id, place)| async move { open_document(id, place).await },
    );
    view! {
        <Suspense>
            {
                let asked = asked.clone();
                move || {
                    let asked = asked.clone();
                    Suspend::new(async move {
                        match found.await {
                            Ok(Opened::Document(reading)) => EitherOf4::A(view! { <Document reading=*reading asked /> }),
                            Ok(Opened::Job(content_hash)) => EitherOf4::B(view! { <DocumentMissing content_hash /> }),
                            Err(error) if is_absent(&error) => EitherOf4::C(view! { <NotFound /> }),
                            Err(error) => EitherOf4::D(view! { <TroublePage error /> }),
                        }
                    })
                }
            }
        </Suspense>
    }
}

/// What the address asks for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    place: ReaderRequest,
    /// The number of the page that is shown as it was, too; `all` for every page.
    original: String,
}

impl Asked {
    fn of(query: &leptos_router::params::ParamsMap) -> Self {
        let number = |name: &str| query.get(name).and_then(|value| value.parse().ok());
        let place = ReaderRequest {
            from: number("from"),
            page: number("page"),
            query: query.get("q").unwrap_or_default(),
            pages_only: query.get("only").is_some(),
        };
        Self { place, original: query.get("original").unwrap_or_default() }
    }

    /// The address of the same document, searched for and shown in the same way, with this in the query as well.
    fn address(&self, id: &str, place: &str) -> String {
        let mut query = vec![place.to_owned()];
        if !self.place.query.is_empty() {
            query.push(format!("q={}", percent_encoded(&self.place.query)));
        }
        if !self.original.is_empty() {
            query.push(format!("original={}", percent_encoded(&self.original)));
        }
        query.retain(|part| !part.is_empty());
        format!("/documents/{id}?{}", query.join("&"))
    }
}

/// There will be no document: its job says why.
#[component]
fn DocumentMissing(content_hash: String) -> impl IntoView {
    let address = format!("/batch/{content_hash}");
    if let Some(redirect) = use_context::<PageContext>().and_then(|page| page.redirect) {
        redirect(&address);
    }
    view! {
        <main id="main" class="container" tabindex="-1">
            <a href=address>"What became of this document"</a>
        </main>
    }
}

#[component]
fn Document(reading: DocumentView, asked: Asked) -> impl IntoView {
    let DocumentView { document, job, original, outline, found, spans, from, pages } = reading;
    // The text is another one when this is: `browser/pages.rs` then asks for it again.
    let edition = format!(
        "{}-{}-{}-{}-{}",
        document.mode.into_str(),
        document.is_draft,
        document.failed_pages,
        asked.original,
        asked.place.query
    );
    let state = if job.is_some() { "working" } else { "idle" };
    let drawn = Drawn {
        document: document.id.clone(),
        edition: edition.clone(),
        original,
        asked: asked.clone(),
        is_draft: document.is_draft,
    };
    let spans: Vec<_> = spans
        .into_iter()
        .filter(|span| !asked.place.pages_only || span.from == from)
        .map(|span| {
            let address = asked.address(&document.id, &format!("from={}", span.from));
            let pages = (span.from == from).then(|| pages.clone());
            view! { <SpanOfPages span pages address drawn=drawn.clone() /> }
        })
        .collect();
    if asked.place.pages_only {
        return Either::Left(view! {
            <main id="main" tabindex="-1">
                {spans}
            </main>
        });
    }
    Either::Right(view! {
        <Title text=document.title.clone() />
        <main id="main" class="container" tabindex="-1">
            <article class="reader" data-live=state data-events="" data-edition=edition>
                <Head document=document.clone() job original asked=asked.clone() />
                <Outline id=document.id.clone() entries=outline asked=asked.clone() />
                <Hits id=document.id.clone() found asked=asked.clone() />
                <div class="reader-pages" id="pages" data-own="">
                    {spans}
                </div>
            </article>
            <Lightbox />
        </main>
    })
}

/// What all pages of a document have in common.
#[derive(Clone)]
struct Drawn {
    document: String,
    edition: String,
    original: Original,
    asked: Asked,
    is_draft: bool,
}

/// A run of pages, or the way to them.
#[component]
fn SpanOfPages(span: Span, pages: Option<Vec<PageView>>, address: String, drawn: Drawn) -> impl IntoView {
    let Span { from, first, last, .. } = span;
    let words = if first == last { format!("Page {first}") } else { format!("Pages {first}–{last}") };
    let edition = pages.is_some().then(|| drawn.edition.clone());
    let content = match pages {
        None => Either::Left(view! { <a href=address>{words}</a> }),
        Some(pages) => Either::Right(
            pages.into_iter().map(|page| view! { <PageSection page drawn=drawn.clone() /> }).collect_view(),
        ),
    };
    view! {
        <div class="span" id=format!("span-{from}") data-last=last.to_string() data-edition=edition>
            {content}
        </div>
    }
}
