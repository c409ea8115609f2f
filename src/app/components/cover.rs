//! A small book seen from the front. Its cloth follows from its title, so that a document is known again by its colour.

use leptos::prelude::*;

/// How many cloths `style/library.css` has.
const CLOTHS: u32 = 6;

/// Decoration only. `kind` is printed on it.
#[component]
pub fn Cover(title: String, #[prop(optional_no_strip)] kind: Option<String>) -> impl IntoView {
    let cloth = title.bytes().fold(0, |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % CLOTHS;
    view! { <span class="cover" data-cloth=cloth.to_string() data-kind=kind aria-hidden="true"></span> }
}
