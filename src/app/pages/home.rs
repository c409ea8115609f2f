//! Home: the upload panel and, below it, active jobs, failed jobs and recent documents.

mod banner;
mod sign_in_first;
mod upload;
mod upload_panel;
mod upload_queue;

use leptos::either::Either;
use leptos::prelude::*;
use leptos_meta::Title;

use crate::app::PageContext;
use crate::app::components::{DocumentRow, JobRow, Trouble};
use crate::app::server::access::fetch_access;
use crate::app::server::fetch_library;
use crate::model::wire::{JobView, LibraryListing};
use sign_in_first::SignInFirst;
use upload_panel::UploadPanel;

/// How many documents Home shows. The library has all.
const RECENT: usize = 5;

/// `/`
#[component]
pub fn Home() -> impl IntoView {
    let PageContext { upload_bytes_max, batch_percent, .. } = use_context().unwrap_or_default();
    let found = Resource::new(|| (), |()| async { (fetch_access().await, fetch_library(String::new(), None).await) });
    view! {
        <main id="main" class="container narrow" tabindex="-1">
            <div class="stack loose">
                <Suspense>
                    {move || Suspend::new(async move {
                        let (access, listing) = found.await;
                        let access = access.unwrap_or_default();
                        let known = access.known;
                        if access.must_sign_in() {
                            return Either::Left(view! { <SignInFirst /> });
                        }
                        let lists = match listing {
                            Ok(listing) => Either::Left(view! { <Lists known batch_percent listing /> }),
                            Err(error) => {
                                Either::Right(
                                    view! {
                                        <Title text="" />
                                        <Trouble error />
                                    },
                                )
                            }
                        };
                        let text_only = access.is_text_only();
                        Either::Right(
                            view! {
                                <UploadPanel known text_only bytes_max=upload_bytes_max batch_percent />
                                <noscript>
                                    <p class="notice warn">
                                        "JavaScript is needed to add a document. Reading works without it."
                                    </p>
                                </noscript>
                                {lists}
                            },
                        )
                    })}
                </Suspense>
            </div>
        </main>
    }
}

/// Active jobs, failed jobs and the newest documents: the live part of the page.
#[component]
fn Lists(known: bool, batch_percent: u64, listing: LibraryListing) -> impl IntoView {
    let (brewing, failed): (Vec<JobView>, Vec<JobView>) =
        listing.jobs.into_iter().partition(|job| job.status.is_active());
    let (state, title) = match brewing.len() {
        0 => ("idle", String::new()),
        number => ("working", format!("☕ {number} brewing")),
    };
    let documents = listing.documents.into_iter().take(RECENT).collect::<Vec<_>>();
    let is_new = brewing.is_empty() && failed.is_empty() && documents.is_empty();
    view! {
        <Title text=title />
        <div class="stack loose" data-live=state data-events=known.then_some("")>
            {is_new.then(|| view! { <PricingOverview batch_percent /> })}
            {(!brewing.is_empty())
                .then(|| {
                    view! {
                        <section class="stack" id="brewing" aria-labelledby="brewing-title">
                            <h2 id="brewing-title">"Still brewing"</h2>
                            <ul class="rows" data-testid="document-list">
                                {brewing.into_iter().map(|job| view! { <JobRow job /> }).collect_view()}
                            </ul>
                        </section>
                    }
                })}
            {(!failed.is_empty())
                .then(|| {
                    view! {
                        <section class="stack" id="cold" aria-labelledby="cold-title">
                            <h2 id="cold-title">"Failed"</h2>
                            <ul class="rows">
                                {failed.into_iter().map(|job| view! { <JobRow job /> }).collect_view()}
                            </ul>
                        </section>
                    }
                })}
            {(!documents.is_empty())
                .then(|| {
                    view! {
                        <section class="stack" id="ready" aria-labelledby="ready-title">
                            <h2 id="ready-title">"Ready to read"</h2>
                            <ul class="rows">
                                {documents
                                    .into_iter()
                                    .map(|document| view! { <DocumentRow document /> })
                                    .collect_view()}
                            </ul>
                        </section>
                    }
                })}
        </div>
    }
}

/// The three ways to read a document, with prices, for an account without documents.
#[component]
fn PricingOverview(batch_percent: u64) -> impl IntoView {
    let batch = if batch_percent == 50 { "half price".to_owned() } else { format!("{batch_percent} % of the price") };
    let ways = [
        ("Plain text", "free".to_owned(), "The text that is in the file, at once. No scans, no formulas."),
        ("With AI, now", "full price".to_owned(), "Scans, tables, formulas and figures. Ready in minutes."),
        (
            "With AI, as a batch",
            batch,
            "The same, when Google has capacity: usually minutes, at most 24 hours. You can close the tab.",
        ),
    ];
    let way = |(name, price, words): (&'static str, String, &'static str)| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>{price}</dd>
                <dd class="soft">{words}</dd>
            </div>
        }
    };
    view! {
        <section class="fare" id="fare" aria-labelledby="fare-title">
            <h2 id="fare-title">"Three ways to read a document"</h2>
            <dl>{ways.map(way).into_view()}</dl>
        </section>
    }
}
