//! The search in a document: the form and the list of hits.

use leptos::prelude::*;

use super::Asked;
use crate::app::components::{grouped, printed};
use crate::model::wire::{SearchHit, SearchResults};

/// The form. `browser/query.rs` searches while the user types.
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

/// The hits, each with the text around it.
#[component]
pub fn Hits(id: String, found: Option<SearchResults>, asked: Asked) -> impl IntoView {
    let SearchResults { hits, total, pages } = found?;
    let shown = hits.len() as u64;
    let words = match (total, pages) {
        (0, _) => "Nothing found.".to_owned(),
        (1, _) => "Found once".to_owned(),
        (total, 1) => format!("Found {} times, on 1 page", grouped(total.into())),
        (total, pages) => format!("Found {} times, on {} pages", grouped(total.into()), grouped(pages.into())),
    };
    let total = u64::from(total);
    let hit = |hit: SearchHit| {
        let anchor = format!("hit-{}-{}", hit.page, hit.number);
        let address = format!("{}#{anchor}", asked.address(&id, &format!("page={}", hit.page)));
        view! {
            <li>
                <a href=address data-goto=anchor>
                    <small>
                        {format!("Page {}", printed(hit.page, hit.label.as_deref()))}
                        {hit.chapter.map(|chapter| format!(" · {chapter}"))}
                    </small>
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
            {(total > shown)
                .then(|| {
                    let (shown, total) = (grouped(shown), grouped(total));
                    view! { <p class="soft">{format!("Showing {shown} of {total}. Add words to narrow it down.")}</p> }
                })}
        </section>
    })
}
