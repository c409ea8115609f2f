//! `/set-password?code=…`: sets the first or a new password of an account, once.

use leptos::either::Either;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::app::components::Trouble;
use crate::app::server::access::{SetPassword, address_of_link};

/// The page of a link that an operator made. Its code is in the query, which no log has.
#[component]
pub fn SetPasswordPage() -> impl IntoView {
    let code = use_query_map().with_untracked(|query| query.get("code").unwrap_or_default());
    let asked = code.clone();
    let found = Resource::new(move || asked.clone(), address_of_link);
    view! {
        <Title text="Set password" />
        <main id="main" class="container narrow" tabindex="-1">
            <div class="stack loose">
                <h1>"Set your password"</h1>
                <Suspense>
                    {move || {
                        let code = code.clone();
                        Suspend::new(async move {
                            match found.await {
                                Ok(email) => Either::Left(view! { <NewPassword code email /> }),
                                Err(error) => Either::Right(view! { <Trouble error /> }),
                            }
                        })
                    }}
                </Suspense>
            </div>
        </main>
    }
}

#[component]
fn NewPassword(code: String, email: String) -> impl IntoView {
    let set = ServerAction::<SetPassword>::new();
    view! {
        <section class="card stack" aria-label="Set password">
            <p>"For "<strong data-testid="who">{email.clone()}</strong></p>
            <ActionForm action=set attr:class="stack">
                <input type="hidden" name="code" value=code />
                // Password managers save the password under this name.
                <input type="hidden" autocomplete="username" value=email />
                <div class="field">
                    <label class="field-label" for="password">
                        "New password"
                    </label>
                    <input
                        class="input"
                        id="password"
                        name="password"
                        type="password"
                        required
                        autocomplete="new-password"
                        minlength="10"
                        aria-describedby="password-hint"
                    />
                    <p class="field-hint" id="password-hint">
                        "At least 10 characters. All other browsers are signed out, and API tokens end."
                    </p>
                </div>
                <button class="button primary" type="submit">
                    "Set password and sign in"
                </button>
            </ActionForm>
        </section>
    }
}
