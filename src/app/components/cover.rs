//! A small book cover. Its colour follows from the title, so that a document keeps its colour.

use leptos::prelude::*;

/// The number of colours in `style/library.css`.
const CLOTHS: u32 = 6;

/// Decoration. `kind` is printed on the cover.
#[component]
pub fn Cover(title: String, #[prop(optional_no_strip)] kind: Option<String>) -> impl IntoView {
    let cloth = title.bytes().fold(0, |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % CLOTHS;
    view! { <span class="cover" data-cloth=cloth.to_string() data-kind=kind aria-hidden="true"></span> }
}
