//! The page for an address that has nothing for this account.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::app::PageContext;
use crate::app::components::Bookshelf;
use crate::model::{ApiError, ErrorCode};

/// Says that there is no such page. Sets the HTTP status 404.
#[component]
pub fn NotFound() -> impl IntoView {
    if let Some(set_status) = use_context::<PageContext>().and_then(|page| page.set_status) {
        set_status(ErrorCode::NotFound.http_status());
    }
    view! {
        <Title text="Not found" />
        <main id="main" class="container narrow" tabindex="-1">
            <div class="empty">
                <Bookshelf missing=true />
                <h1>"Page not found"</h1>
                <p class="soft">"It may have been deleted, or it belongs to an account that is not signed in here."</p>
                <div class="cluster">
                    <a class="button primary" href="/">
                        "Home"
                    </a>
                    <a class="button" href="/library">
                        "Library"
                    </a>
                    <a class="button" href="/account">
                        "Account"
                    </a>
                </div>
            </div>
        </main>
    }
}

/// Whether an error means that this account has nothing here. Without an account there is nothing at all.
pub fn is_absent(error: &ApiError) -> bool {
    matches!(error.code, ErrorCode::NotFound | ErrorCode::Unauthenticated)
}
