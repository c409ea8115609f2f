//! Every document, and everything in progress.

use leptos::prelude::*;
use leptos_meta::Title;

use super::home::watch_shelf;
use crate::app::components::{CupIcon, DeleteIcon, DocumentRow, JobRow, Trouble};
use crate::app::server::{delete_document, fetch_shelf};
use crate::model::ApiError;
use crate::model::wire::{DocumentSummary, Shelf};

/// `/library`
#[component]
pub fn Library() -> impl IntoView {
    let found = Resource::new(|| (), |()| fetch_shelf());
    view! {
        <Title text="Library" />
        <main id="main" class="container" tabindex="-1">
            <Suspense>
                {move || Suspend::new(async move {
                    match found.await {
                        Ok(shelf) => view! { <Shelves initial=shelf /> }.into_any(),
                        Err(error) => view! { <Trouble error /> }.into_any(),
                    }
                })}
            </Suspense>
        </main>
    }
}

/// The lists, which stay current and can be searched.
#[island]
fn Shelves(initial: Shelf) -> impl IntoView {
    let (current, set_current) = signal(initial);
    let (wanted, set_wanted) = signal(String::new());
    let (error, set_error) = signal(None::<ApiError>);
    watch_shelf(current, set_current);
    let remove = move |document: DocumentSummary| {
        let question = format!("Delete “{}” and its file? Its receipt stays.", document.title);
        if window().confirm_with_message(&question).unwrap_or(false) {
            leptos::task::spawn_local(async move {
                match delete_document(document.id.clone()).await {
                    Ok(()) => set_current.update(|shelf| shelf.documents.retain(|other| other.id != document.id)),
                    Err(error) => set_error.set(Some(error)),
                }
            });
        }
    };
    let matches = move |title: &str| title.to_lowercase().contains(wanted.get().trim().to_lowercase().as_str());
    let rows = move || {
        let shelf = current.get();
        let jobs =
            shelf.jobs.into_iter().filter(|job| matches(&job.title)).map(|job| view! { <JobRow job /> }.into_any());
        let documents = shelf.documents.into_iter().filter(|document| matches(&document.title)).map(|document| {
            let label = format!("Delete {}", document.title);
            let this = document.clone();
            let end = move || {
                let this = this.clone();
                view! {
                    <button class="icon-button" type="button" aria-label=label.clone() on:click=move |_| remove(this.clone())>
                        <DeleteIcon />
                    </button>
                }
            };
            view! { <DocumentRow document end /> }.into_any()
        });
        jobs.chain(documents).collect_view()
    };
    let empty = move || current.with(|shelf| shelf.jobs.is_empty() && shelf.documents.is_empty());
    view! {
        <div class="stack loose">
            <div class="cluster spread">
                <h1>"Library"</h1>
                <div class="search" role="search" hidden=empty>
                    <label class="visually-hidden" for="q">"Search by title"</label>
                    <input class="input" id="q" type="search" placeholder="Search by title"
                        on:input=move |event| set_wanted.set(event_target_value(&event)) />
                </div>
            </div>
            {move || error.get().map(|error| view! { <Trouble error /> })}
            <Show
                when=empty
                fallback=move || view! { <ul class="rows" data-testid="document-list">{rows}</ul> }
            >
                <div class="empty">
                    <CupIcon />
                    <h2>"The shelf is still empty"</h2>
                    <p class="soft">"Every document you extract stands here, with its price and the day it was done."</p>
                    <a class="button primary" href="/">"Add a document"</a>
                </div>
            </Show>
        </div>
    }
}
