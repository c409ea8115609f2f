//! Searching a document: a form like any other, and the list of what was found.

use leptos::prelude::*;

use super::Asked;
use crate::app::components::grouped;
use crate::model::wire::{SearchHit, SearchResults};

/// The form. `browser/query.rs` follows it while a person types.
#[component]
pub fn Search(id: String, asked: Asked) -> impl IntoView {
    view! {
        <form class="search" role="search" method="get" action=format!("/documents/{id}") data-query="">
            <label class="visually-hidden" for="q">
                "Search in this document"
            </label>
            <input
                class="input"
                id="q"
                name="q"
                type="search"
                placeholder="Search in this document"
                autocomplete="off"
                value=asked.place.query.clone()
            />
            {(!asked.original.is_empty())
                .then(|| view! { <input type="hidden" name="original" value=asked.original.clone() /> })}
        </form>
    }
}

/// Where it was found, each with the words around it.
#[component]
pub fn Hits(id: String, found: Option<SearchResults>, asked: Asked) -> impl IntoView {
    let SearchResults { hits, total, pages } = found?;
    let shown = hits.len() as u64;
    let words = match (total, pages) {
        (0, _) => "Nothing found. Try fewer or other words.".to_owned(),
        (1, _) => "SearchResults once".to_owned(),
        (total, 1) => format!("SearchResults {} times, on 1 page", grouped(total.into())),
        (total, pages) => format!("SearchResults {} times, on {} pages", grouped(total.into()), grouped(pages.into())),
    };
    let rest = u64::from(total).saturating_sub(shown);
    let hit = |hit: SearchHit| {
        let anchor = format!("hit-{}-{}", hit.page, hit.number);
        let address = format!("{}#{anchor}", asked.address(&id, &format!("page={}", hit.page)));
        view! {
            <li>
                <a href=address data-goto=anchor>
                    <small>{format!("Page {}", hit.page)}</small>
                    <span>{hit.before}<mark>{hit.found}</mark>{hit.after}</span>
                </a>
            </li>
        }
    };
    Some(view! {
        <section class="hits" id="hits" aria-label="Search results">
            <p role="status">
                <strong>{words}</strong>
            </p>
            {(shown > 0).then(|| view! { <ol class="hit-list">{hits.into_iter().map(hit).collect_view()}</ol> })}
            {(rest > 0)
                .then(|| view! { <p class="soft">{format!("And {} more. More words find less.", grouped(rest))}</p> })}
        </section>
    })
}
