//! A page that cannot be shown just now, though it may well be there.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::app::components::{CupIcon, Trouble};
use crate::model::ApiError;

/// Says what is wrong, that it is not the person's doing, and what to do. The call that failed has set the status.
#[component]
pub fn TroublePage(error: ApiError) -> impl IntoView {
    view! {
        <Title text="Not just now" />
        <main id="main" class="container narrow" tabindex="-1">
            <div class="empty">
                <CupIcon />
                <h1>"Not just now"</h1>
                <Trouble error />
                <p class="soft">"Nothing is lost: what you have submitted goes on by itself."</p>
                <a class="button primary" href="">
                    "Try again"
                </a>
            </div>
        </main>
    }
}
