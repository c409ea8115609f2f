//! A document to be read. Its first pages are in the HTML; the rest come as the reader gets near them.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{NotFound, TroublePage, is_absent};
use crate::app::components::{LocalTime, grouped, page_count};
use crate::app::server::{fetch_document, fetch_outline, fetch_pages};
use crate::model::wire::{DocumentSummary, OutlineEntry, PageView};
use crate::model::{ApiError, Mode};

/// Pages that are fetched together; the server gives as many.
const PAGES_AT_ONCE: u32 = 20;

/// `/documents/{id}`; `?from=` skips that many pages.
#[component]
pub fn Reader() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("id").unwrap_or_default());
    let skip =
        use_query_map().with_untracked(|query| query.get("from").and_then(|from| from.parse().ok()).unwrap_or(0u32));
    let found = Resource::new(
        move || id.clone(),
        move |id| async move {
            Ok::<_, ApiError>((
                fetch_document(id.clone()).await?,
                fetch_outline(id.clone()).await?,
                fetch_pages(id, skip).await?,
            ))
        },
    );
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match found.await {
                    Ok((document, outline, pages)) => view! { <Opened document outline pages skip /> }.into_any(),
                    Err(error) if is_absent(&error) => view! { <NotFound /> }.into_any(),
                    Err(error) => view! { <TroublePage error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Opened(document: DocumentSummary, outline: Vec<OutlineEntry>, pages: Vec<PageView>, skip: u32) -> impl IntoView {
    let price = match document.charged_tokens {
        0 => "Free".to_owned(),
        tokens => format!("{} tokens", grouped(tokens)),
    };
    let shown = skip.saturating_add(u32::try_from(pages.len()).unwrap_or(u32::MAX));
    let earlier = format!("/documents/{}?from={}", document.id, skip.saturating_sub(PAGES_AT_ONCE));
    view! {
        <Title text=document.title.clone() />
        <main id="main" class="container" tabindex="-1">
            <article class="reader">
                <header class="reader-head">
                    <h1>{document.title.clone()}</h1>
                    <p class="row-meta">
                        <span>{page_count(document.pages.into())}</span>
                        <span>{price}</span>
                        <span><LocalTime at=document.created_at day=true /></span>
                    </p>
                    <Failures document=document.clone() />
                </header>
                <Outline id=document.id.clone() entries=outline />
                <div class="reader-pages">
                    <Show when=move || { skip > 0 }>
                        <p class="cluster"><a class="button" href=earlier.clone()>"Earlier pages"</a></p>
                    </Show>
                    {pages.into_iter().map(|page| view! { <PageSection page /> }).collect_view()}
                    <More id=document.id.clone() shown total=document.pages />
                </div>
            </article>
        </main>
    }
}

/// Links to the headings. Each leads to its page and to the pages around it, whether or not they are here already.
#[component]
fn Outline(id: String, entries: Vec<OutlineEntry>) -> impl IntoView {
    let entry = |entry: OutlineEntry| {
        let from = entry.place / PAGES_AT_ONCE * PAGES_AT_ONCE;
        let address = format!("/documents/{id}?from={from}#page-{}", entry.page + 1);
        view! { <li data-rank=entry.rank.to_string()><a href=address>{entry.text}</a></li> }
    };
    let list = entries.into_iter().map(entry).collect_view();
    view! {
        <nav class="outline" aria-label="Outline">
            <details>
                <summary>"Outline"</summary>
                <ol class="outline-list">{list}</ol>
            </details>
        </nav>
    }
}

#[component]
fn Failures(document: DocumentSummary) -> impl IntoView {
    let words = match document.failed_pages {
        0 => return None,
        1 => "1 page could not be read.".to_owned(),
        failed => format!("{} pages could not be read.", grouped(failed.into())),
    };
    // A document that cost nothing was in no AI mode: its pages are tried in the quick one. `browser/jobs.rs` does it.
    let mode = if document.mode == Mode::Batch { "batch" } else { "realtime" };
    Some(view! {
        <div class="notice warn" role="note">
            <p><strong>{words}</strong>" It costs nothing, and stands in its place below."</p>
            <button class="button" type="button" data-retry=document.id data-mode=mode>"Retry failed pages"</button>
        </div>
    })
}

/// One page: its text, or why it has none.
#[component]
fn PageSection(page: PageView) -> impl IntoView {
    let number = page.index + 1;
    let anchor = format!("page-{number}");
    let body = match page.failure {
        None => view! { <div class="prose" inner_html=page.html></div> }.into_any(),
        Some(reason) => view! {
            <div class="page-failed stack tight">
                <p><strong>"This page could not be read."</strong></p>
                <p class="soft">{reason}</p>
            </div>
        }
        .into_any(),
    };
    view! {
        <section class="page" id=anchor.clone() data-testid="document-page" aria-label=format!("Page {number}")>
            <div class="page-mark"><a href=format!("#{anchor}")>{format!("Page {number}")}</a></div>
            <div class="page-body">{body}{page.note.map(|note| view! { <p class="notice warn">{note}</p> })}</div>
        </section>
    }
}

/// The way to the pages after the first `shown`: a link, which `browser/more.rs` follows as the reader gets near it.
#[component]
fn More(id: String, shown: u32, total: u32) -> impl IntoView {
    let address = format!("/documents/{id}?from={shown}");
    (shown < total)
        .then(|| view! { <p class="cluster"><a class="button" href=address data-more="">"Next pages"</a></p> })
}
