//! A shelf that says what is missing.

use leptos::prelude::*;

/// Decoration only: room for books that are not there yet; with `missing`, other books around one that is gone.
#[component]
pub fn Bookshelf(#[prop(optional)] missing: bool) -> impl IntoView {
    // Where there is no cloth there is no book.
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
