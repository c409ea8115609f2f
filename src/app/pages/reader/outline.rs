//! Links to the headings, beside the text where there is room. `browser/place.rs` marks the one that the reader is at.

use leptos::prelude::*;

use super::Asked;
use crate::model::wire::OutlineEntry;

/// Each entry leads to its heading and to the pages around it, whether or not they are here already.
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
