//! The outline: links to the headings, chapters that fold. `browser/place.rs` marks the current one and unfolds its chapter.

use leptos::prelude::*;

use super::Asked;
use crate::model::wire::{OutlineEntry, OutlineItem};

/// An outline with no more entries is unfolded.
const UNFOLDED_MAX: usize = 40;

/// The entries. Each links to its heading; the server sends the pages around it.
#[component]
pub fn Outline(id: String, entries: Vec<OutlineEntry>, asked: Asked) -> impl IntoView {
    if entries.is_empty() {
        return None;
    }
    let shown = Shown { id, asked, unfolded: entries.len() <= UNFOLDED_MAX };
    let items = OutlineItem::tree(entries);
    Some(view! {
        <nav class="outline" id="outline" aria-label="Outline">
            <details>
                <summary>"Outline"</summary>
                <ol class="outline-list">{shown.items(items)}</ol>
            </details>
        </nav>
    })
}

/// What all entries share.
struct Shown {
    id: String,
    asked: Asked,
    unfolded: bool,
}

impl Shown {
    fn items(&self, items: Vec<OutlineItem>) -> AnyView {
        items.into_iter().map(|item| self.item(item)).collect_view().into_any()
    }

    fn item(&self, item: OutlineItem) -> impl IntoView + use<> {
        let OutlineItem { title, page, label, anchor, entries, .. } = item;
        let number = page + 1;
        let address = format!("{}#{anchor}", self.asked.address(&self.id, &format!("page={number}")));
        let below = (!entries.is_empty()).then(|| {
            view! {
                <details open=self.unfolded>
                    <summary>
                        <span class="visually-hidden">{format!("Sections of {title}")}</span>
                    </summary>
                    <ol>{self.items(entries)}</ol>
                </details>
            }
        });
        view! {
            <li>
                <a href=address data-goto=anchor>
                    <span>{title}</span>
                    " "
                    <small>
                        <span class="visually-hidden">"page "</span>
                        {label.unwrap_or_else(|| number.to_string())}
                    </small>
                </a>
                {below}
            </li>
        }
    }
}
