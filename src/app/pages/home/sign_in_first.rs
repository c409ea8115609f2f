//! What Home shows where guests are not allowed.

use leptos::prelude::*;

/// The way to the sign-in, in place of the upload panel.
#[component]
pub fn SignInFirst() -> impl IntoView {
    view! {
        <header class="hero">
            <h1>"Read big PDFs like good books."</h1>
            <p>"This server is for its members. Sign in to add and read documents."</p>
            <p>
                <a class="button primary" href="/account" data-testid="sign-in-first">
                    "Sign in"
                </a>
            </p>
        </header>
    }
}
