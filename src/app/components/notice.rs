//! An error in words, where it happened.

use leptos::prelude::*;

use crate::model::ApiError;

/// What went wrong. The code is there for whoever is asked for help.
#[component]
pub fn Trouble(error: ApiError) -> impl IntoView {
    view! {
        <p class="notice bad" role="alert" data-code=error.code.into_str()>
            {error.message}
        </p>
    }
}
