//! The reader. The HTML has the pages around the place that the address names. `browser/pages.rs` fetches the others when they come near;
//! without script they are links.

mod checks;
mod head;
mod lightbox;
mod outline;
mod page;
mod references;
mod reread;
mod search;

use leptos::either::{Either, EitherOf4};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{NotFound, TroublePage, is_absent};
use crate::app::PageContext;
use crate::app::server::open_document;
use crate::model::percent_encoded;
use crate::model::wire::{DocumentView, JobView, Opened, Original, PageView, ReaderRequest, Span};
use checks::Checks;
use head::Head;
use lightbox::Lightbox;
use outline::Outline;
use page::PageSection;
use references::References;
use search::Hits;

/// `/documents/{id}`. `?page=` or `?from=` is a place: `?page=12` the twelfth page of the file, `?page=xii` or `?page=p.12` a printed number. `?q=` is a search. `?original=` shows the original of one page, or of `all`.
/// `?only=pages` leaves out everything but the pages.
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

/// The query of the address.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    place: ReaderRequest,
    /// The number of the page whose original is shown; `all` for every page.
    original: String,
}

impl Asked {
    fn of(query: &leptos_router::params::ParamsMap) -> Self {
        let number = |name: &str| query.get(name).and_then(|value| value.parse().ok());
        let place = ReaderRequest {
            from: number("from"),
            page: number("page"),
            label: query.get("page"),
            query: query.get("q").unwrap_or_default(),
            pages_only: query.get("only").is_some(),
        };
        Self { place, original: query.get("original").unwrap_or_default() }
    }

    /// The address of the same document with the same search and originals, and `place` added to the query.
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

/// Redirects to the failed job of a draft, which says why there is no document.
#[component]
fn DocumentMissing(content_hash: String) -> impl IntoView {
    let address = format!("/batch/{content_hash}");
    if let Some(redirect) = use_context::<PageContext>().and_then(|page| page.redirect) {
        redirect(&address);
    }
    view! {
        <main id="main" class="container" tabindex="-1">
            <a href=address>"See what happened to this document"</a>
        </main>
    }
}

#[component]
fn Document(reading: DocumentView, asked: Asked) -> impl IntoView {
    let DocumentView {
        document,
        job,
        reread,
        original,
        outline,
        checked_pages,
        unchecked_pages,
        worth_checking,
        found,
        spans,
        from,
        pages,
    } = reading;
    let state = if job.is_some() { "working" } else { "idle" };
    // When the edition changes, `browser/pages.rs` fetches the shown pages again.
    let edition = format!(
        "{}-{}-{}-{state}-{}-{}-{}",
        document.mode.into_str(),
        document.is_draft,
        document.failed_pages,
        reread.as_ref().map(|job| job.id.as_str()).unwrap_or_default(),
        asked.original,
        asked.place.query
    );
    let drawn = Drawn {
        document: document.id.clone(),
        edition: edition.clone(),
        original,
        asked: asked.clone(),
        is_draft: document.is_draft,
        reread,
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
    let checks = view! {
        <Checks
            id=document.id.clone()
            checked=checked_pages
            unchecked=unchecked_pages
            pages=worth_checking
            asked=asked.clone()
        />
    };
    Either::Right(view! {
        <Title text=document.title.clone() />
        <main id="main" class="container" tabindex="-1">
            <article class="reader" data-live=state data-events="" data-edition=edition>
                <Head document=document.clone() job original asked=asked.clone() checks=checks.into_any() />
                <Outline id=document.id.clone() entries=outline asked=asked.clone() />
                <Hits id=document.id.clone() found asked=asked.clone() />
                <div class="reader-pages" id="pages" data-own="">
                    {spans}
                </div>
            </article>
            <References />
            <Lightbox />
        </main>
    })
}

/// What all shown pages of a document share.
#[derive(Clone)]
struct Drawn {
    document: String,
    edition: String,
    original: Original,
    asked: Asked,
    is_draft: bool,
    /// The newest job for the document, if it reads pages again.
    reread: Option<JobView>,
}

/// A run of pages, or the link to it.
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
