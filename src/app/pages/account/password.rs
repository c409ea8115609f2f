//! The form to change the password, and the notice of ended sessions and tokens.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::app::server::{ChangePassword, has_password};
use crate::model::EndedAccess;

/// The form, for a member with a password.
#[component]
pub fn PasswordForm(email: String) -> impl IntoView {
    let found = Resource::new(|| (), |()| async { has_password().await.unwrap_or(false) });
    view! {
        <Suspense>
            {move || {
                let email = email.clone();
                Suspend::new(async move { found.await.then(|| view! { <Fields email /> }) })
            }}
        </Suspense>
    }
}

#[component]
fn Fields(email: String) -> impl IntoView {
    let change = ServerAction::<ChangePassword>::new();
    view! {
        <details>
            <summary>"Change password"</summary>
            <ActionForm action=change attr:class="stack">
                // Password managers need the account's name.
                <input type="hidden" autocomplete="username" value=email />
                <div class="field">
                    <label class="field-label" for="password-current">
                        "Current password"
                    </label>
                    <input
                        class="input"
                        id="password-current"
                        name="current"
                        type="password"
                        required
                        autocomplete="current-password"
                    />
                </div>
                <div class="field">
                    <label class="field-label" for="password-new">
                        "New password"
                    </label>
                    <input
                        class="input"
                        id="password-new"
                        name="new"
                        type="password"
                        required
                        autocomplete="new-password"
                        minlength="10"
                        aria-describedby="password-hint"
                    />
                    <p class="field-hint" id="password-hint">
                        "At least 10 characters. This signs out your other browsers and ends your API tokens."
                    </p>
                </div>
                <button class="button primary" type="submit">
                    "Change password"
                </button>
            </ActionForm>
        </details>
    }
}

/// The number of ended sessions and tokens, after a password change or a sign-up.
#[component]
pub fn EndedNotice() -> impl IntoView {
    let ended =
        use_query_map().with_untracked(|query| query.get("ended").and_then(|text| EndedAccess::from_query(&text)));
    ended.map(|ended| {
        view! {
            <p class="notice" role="status" data-testid="ended-access">
                {ended.words()}
            </p>
        }
    })
}
