//! There is nothing at this address, or nothing of yours.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::app::PageContext;
use crate::model::ErrorCode;

/// The page for addresses that lead nowhere; answers 404.
#[component]
pub fn NotFound() -> impl IntoView {
    if let Some(set_status) = use_context::<PageContext>().and_then(|page| page.set_status) {
        set_status(ErrorCode::NotFound.http_status());
    }
    view! {
        <Title text="Not found" />
        <main id="main" class="container narrow" tabindex="-1">
            <div class="empty">
                <h1>"There is no page here"</h1>
                <p class="soft">"It may have been deleted, or it belongs to another account."</p>
                <div class="cluster">
                    <a class="button primary" href="/">"Home"</a>
                    <a class="button" href="/library">"Library"</a>
                </div>
            </div>
        </main>
    }
}
