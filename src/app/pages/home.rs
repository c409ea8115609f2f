//! The desk: a file comes in, is measured, and is sent off. Below it, whatever is still in progress.

mod banner;
mod desk;
mod upload;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos_meta::Title;

use crate::app::PageContext;
use crate::app::components::{DocumentRow, JobRow, Trouble};
use crate::app::server::{fetch_shelf, known};
use crate::model::wire::Shelf;
use desk::Desk;

/// Documents that Home shows; the Library has all.
const RECENT: usize = 5;
/// Between two looks at the lists while something is in progress.
const LOOK_MS: u32 = 3_000;

/// `/`
#[component]
pub fn Home() -> impl IntoView {
    let bytes_max = use_context::<PageContext>().unwrap_or_default().upload_bytes_max;
    let found = Resource::new(|| (), |()| async { (known().await, fetch_shelf().await) });
    view! {
        <Title text="" />
        <main id="main" class="container narrow" tabindex="-1">
            <div class="stack loose">
                <Suspense>
                    {move || Suspend::new(async move {
                        let (known, shelf) = found.await;
                        let lists = match shelf {
                            Ok(shelf) => view! { <Progress initial=shelf /> }.into_any(),
                            Err(error) => view! { <Trouble error /> }.into_any(),
                        };
                        view! { <Desk known=known.unwrap_or(false) bytes_max />{lists} }
                    })}
                </Suspense>
            </div>
        </main>
    }
}

/// What is in progress, and the newest documents.
#[island]
fn Progress(initial: Shelf) -> impl IntoView {
    let (current, set_current) = signal(initial);
    watch_shelf(current, set_current);
    let jobs = move || current.with(|shelf| shelf.jobs.clone());
    let documents = move || current.with(|shelf| shelf.documents.iter().take(RECENT).cloned().collect::<Vec<_>>());
    view! {
        <Show when=move || current.with(|shelf| !shelf.jobs.is_empty())>
            <section class="stack" aria-labelledby="progress-title">
                <h2 id="progress-title">"Still brewing"</h2>
                <ul class="rows" data-testid="document-list">
                    {move || jobs().into_iter().map(|job| view! { <JobRow job /> }).collect_view()}
                </ul>
            </section>
        </Show>
        <Show when=move || current.with(|shelf| !shelf.documents.is_empty())>
            <section class="stack" aria-labelledby="recent-title">
                <h2 id="recent-title">"Ready to read"</h2>
                <ul class="rows">
                    {move || documents().into_iter().map(|document| view! { <DocumentRow document /> }).collect_view()}
                </ul>
            </section>
        </Show>
    }
}

/// Keeps lists current for as long as something is in progress. A look that fails changes nothing.
pub(super) fn watch_shelf(current: ReadSignal<Shelf>, set_current: WriteSignal<Shelf>) {
    Effect::new(move |_| {
        leptos::task::spawn_local(async move {
            while current.with_untracked(|shelf| shelf.jobs.iter().any(|job| job.status.is_active())) {
                TimeoutFuture::new(LOOK_MS).await;
                if let Ok(newer) = fetch_shelf().await {
                    set_current.set(newer);
                }
            }
        });
    });
}
