//! A drawn bookshelf for empty and missing pages.

use leptos::prelude::*;

/// Decoration: an almost empty shelf or, with `missing`, books around a gap.
#[component]
pub fn Bookshelf(#[prop(optional)] missing: bool) -> impl IntoView {
    // `None` is a gap.
    let cloths: [Option<&str>; 6] = match missing {
        true => [Some("3"), Some("1"), Some("2"), None, Some("0"), Some("5")],
        false => [None, None, None, None, None, Some("0")],
    };
    let book = |(place, cloth): (usize, Option<&'static str>)| {
        view! { <i data-cloth=cloth class=(place == 5).then_some("leans")></i> }
    };
    view! {
        <div class="shelf" aria-hidden="true">
            {cloths.into_iter().enumerate().map(book).collect_view()}
        </div>
    }
}
