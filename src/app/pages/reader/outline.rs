//! The outline: links to the headings. `browser/place.rs` marks the current one.

use leptos::prelude::*;

use super::Asked;
use crate::model::wire::OutlineEntry;

/// The entries. Each links to its heading; the server sends the pages around it.
#[component]
pub fn Outline(id: String, entries: Vec<OutlineEntry>, asked: Asked) -> impl IntoView {
    if entries.is_empty() {
        return None;
    }
    let entry = |entry: OutlineEntry| {
        let number = entry.page + 1;
        let address = format!("{}#{}", asked.address(&id, &format!("page={number}")), entry.id);
        view! {
            <li data-rank=entry.rank.to_string()>
                <a href=address data-goto=entry.id>
                    <span>{entry.text}</span>
                    " "
                    <small>
                        <span class="visually-hidden">"page "</span>
                        {number}
                    </small>
                </a>
            </li>
        }
    };
    Some(view! {
        <nav class="outline" id="outline" aria-label="Outline">
            <details>
                <summary>"Outline"</summary>
                <ol class="outline-list">{entries.into_iter().map(entry).collect_view()}</ol>
            </details>
        </nav>
    })
}
