//! The page for a failed request, for example while the database is away.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::app::components::{CupIcon, Trouble};
use crate::model::ApiError;

/// Says what is wrong and what to do. The call that failed has set the HTTP status.
#[component]
pub fn TroublePage(error: ApiError) -> impl IntoView {
    view! {
        <Title text="Temporarily unavailable" />
        <main id="main" class="container narrow" tabindex="-1">
            <div class="empty">
                <CupIcon />
                <h1>"Temporarily unavailable"</h1>
                <Trouble error />
                <p class="soft">"Nothing is lost. What you have submitted continues by itself."</p>
                <a class="button primary" href="">
                    "Try again"
                </a>
            </div>
        </main>
    }
}
