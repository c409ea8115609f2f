//! The library: every document and every active job.

use std::cmp::Reverse;

use leptos::either::{Either, EitherOf3};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::app::components::{Bookshelf, DocumentRow, JobRow, Trouble};
use crate::app::server::{fetch_library, known};
use crate::model::UnixMs;
use crate::model::wire::{DocumentSummary, JobView, LibraryListing};

/// `/library`. `?q=` filters by words in the title; `?before=` is the cursor of older documents.
#[component]
pub fn LibraryPage() -> impl IntoView {
    let (query, before) = use_query_map().with_untracked(|map| (map.get("q").unwrap_or_default(), map.get("before")));
    let wanted = (query.clone(), before);
    let found = Resource::new(
        move || wanted.clone(),
        |(query, before)| async move { (known().await.unwrap_or(false), fetch_library(query, before).await) },
    );
    view! {
        <Title text="Library" />
        <main id="main" class="container" tabindex="-1">
            <div class="stack loose">
                <div class="cluster spread">
                    <h1>"Library"</h1>
                    <form class="search" role="search" method="get" action="/library" data-query="">
                        <label class="visually-hidden" for="q">
                            "Search by title"
                        </label>
                        <input
                            class="input"
                            id="q"
                            name="q"
                            type="search"
                            placeholder="Search by title"
                            value=query.clone()
                        />
                    </form>
                </div>
                <Suspense>
                    {
                        let query = query.clone();
                        move || {
                            let query = query.clone();
                            Suspend::new(async move {
                                match found.await {
                                    (known, Ok(listing)) => Either::Left(view! { <LibraryRows known listing query /> }),
                                    (_, Err(error)) => Either::Right(view! { <Trouble error /> }),
                                }
                            })
                        }
                    }
                </Suspense>
            </div>
        </main>
    }
}

/// The live list.
#[component]
fn LibraryRows(known: bool, listing: LibraryListing, query: String) -> impl IntoView {
    let state = if listing.jobs.iter().any(|job| job.status.is_active()) { "working" } else { "idle" };
    let empty = listing.jobs.is_empty() && listing.documents.is_empty();
    let words = query.clone();
    let older = listing.older.map(|before| {
        view! {
            <form id="older" action="/library">
                <input type="hidden" name="q" value=words />
                <input type="hidden" name="before" value=before />
                <button class="button" type="submit">
                    "Show older documents"
                </button>
            </form>
        }
    });
    let list = match (empty, query.trim().is_empty()) {
        (true, true) => EitherOf3::A(view! {
            <div class="empty" id="empty">
                <Bookshelf />
                <h2>"The shelf is still empty"</h2>
                <p class="soft">"Your documents will appear here."</p>
                <a class="button primary" href="/">
                    "Add a document"
                </a>
            </div>
        }),
        (true, false) => EitherOf3::B(view! {
            <div class="empty" id="none">
                <h2>"No title matches"</h2>
                <p class="soft">"Try fewer or different words."</p>
                <a class="button" href="/library">
                    "Show all documents"
                </a>
            </div>
        }),
        (false, _) => EitherOf3::C(view! {
            <ul class="rows" id="shelf" data-testid="document-list">
                {newest_first(listing.jobs, listing.documents)}
            </ul>
        }),
    };
    view! {
        <div class="stack" data-live=state data-events=known.then_some("")>
            {list}
            {older}
        </div>
    }
}

fn newest_first(jobs: Vec<JobView>, documents: Vec<DocumentSummary>) -> impl IntoView {
    let jobs = jobs.into_iter().map(|job| (job.submitted_at, Either::Left(job)));
    let documents = documents.into_iter().map(|document| (document.created_at, Either::Right(document)));
    let mut rows: Vec<(UnixMs, Either<JobView, DocumentSummary>)> = jobs.chain(documents).collect();
    rows.sort_by_key(|(at, _)| Reverse(*at));
    let row = |(_, row)| match row {
        Either::Left(job) => Either::Left(view! { <JobRow job /> }),
        Either::Right(document) => Either::Right(view! { <DocumentRow document deletable=true /> }),
    };
    rows.into_iter().map(row).collect_view()
}
