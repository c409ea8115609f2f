//! An error message on a page.

use leptos::prelude::*;

use crate::model::ApiError;

/// The error's sentence. `data-code` has its code for tests and support.
#[component]
pub fn Trouble(error: ApiError) -> impl IntoView {
    view! {
        <p class="notice bad" role="alert" data-code=error.code.into_str()>
            {error.message}
        </p>
    }
}
