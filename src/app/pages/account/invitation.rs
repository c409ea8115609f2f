//! `/invitation?code=…`: a person who was invited signs up.

use leptos::either::EitherOf3;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::member::SignFields;
use crate::app::PageContext;
use crate::app::components::Trouble;
use crate::app::server::SignUp;
use crate::app::server::access::{fetch_access, is_invitation};

/// The page of an invitation. Its code is in the query, which no log has.
#[component]
pub fn InvitationPage() -> impl IntoView {
    let code = use_query_map().with_untracked(|query| query.get("code").unwrap_or_default());
    let asked = code.clone();
    let found = Resource::new(
        move || asked.clone(),
        |code| async move { (fetch_access().await.unwrap_or_default(), is_invitation(code).await) },
    );
    view! {
        <Title text="Invitation" />
        <main id="main" class="container narrow" tabindex="-1">
            <div class="stack loose">
                <h1>"You are invited"</h1>
                <Suspense>
                    {move || {
                        let code = code.clone();
                        Suspend::new(async move {
                            match found.await {
                                (access, _) if access.is_member => {
                                    EitherOf3::A(
                                        view! {
                                            <p class="notice">
                                                "You are signed in already. An invitation is for a person without an account."
                                            </p>
                                        },
                                    )
                                }
                                (_, Err(error)) => EitherOf3::B(view! { <Trouble error /> }),
                                (access, Ok(_)) => EitherOf3::C(view! { <Welcome code is_guest=access.known /> }),
                            }
                        })
                    }}
                </Suspense>
            </div>
        </main>
    }
}

/// The form to sign up. `is_guest`: the browser's guest becomes the member and keeps its documents.
#[component]
fn Welcome(code: String, is_guest: bool) -> impl IntoView {
    let sign_up = ServerAction::<SignUp>::new();
    let provider = use_context::<PageContext>().and_then(|page| page.provider);
    let href = format!("/sign-in/provider?invitation={code}");
    let words = match is_guest {
        true => "Choose how you want to sign in. The documents in this browser come along.",
        false => "Choose how you want to sign in. This invitation works once.",
    };
    view! {
        <p>{words}</p>
        <section class="card stack" aria-label="Sign up">
            <ActionForm action=sign_up attr:class="stack">
                <input type="hidden" name="invitation" value=code />
                <SignFields way="up" words="Sign up" password="new-password" />
            </ActionForm>
        </section>
        {provider
            .map(|name| {
                view! {
                    <p>
                        <a class="button" href=href rel="external" data-testid="provider">
                            {format!("Sign up with {name}")}
                        </a>
                    </p>
                }
            })}
    }
}
