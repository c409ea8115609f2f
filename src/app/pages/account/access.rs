//! The ways in, as the server's settings allow them: sign-up, sign-in and the provider, and what the operator still has to do.

use leptos::either::Either;
use leptos::prelude::*;

use super::member::{SignFields, SignForms};
use super::provider::ProviderLink;
use crate::app::components::Trouble;
use crate::app::server::access::fetch_access;
use crate::app::server::{SignIn, SignOut};
use crate::model::{AccessView, ApiError, ErrorCode, GuestAccess, SignUpMode};

/// The forms for a person who is not signed in. `known`: the browser has a guest account.
#[component]
pub fn WaysIn(known: bool) -> impl IntoView {
    let access = Resource::new(|| (), |()| async { fetch_access().await.unwrap_or_default() });
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let access = access.await;
                let notice = access.lacks_operator.then(|| view! { <NoOperator /> });
                let rule = rule_of(&access)
                    .map(|words| {
                        view! {
                            <p class="soft" data-testid="access-rule">
                                {words}
                            </p>
                        }
                    });
                let forms = match access.sign_up {
                    SignUpMode::Open | SignUpMode::Domains => Either::Left(view! { <SignForms known /> }),
                    SignUpMode::Invitation | SignUpMode::Off => Either::Right(view! { <SignInForm /> }),
                };
                view! {
                    {notice}
                    {rule}
                    {forms}
                    <ProviderLink member=false />
                }
            })}
        </Suspense>
    }
}

/// Who can sign up, and what guests can do, unless everybody can do everything.
fn rule_of(access: &AccessView) -> Option<String> {
    let sign_up = match access.sign_up {
        SignUpMode::Open => String::new(),
        SignUpMode::Invitation => {
            "You need an invitation to sign up. Open the link that you were given, or ask the operator for one."
                .to_owned()
        }
        SignUpMode::Domains => {
            format!("You can sign up with your address at {}, or with an invitation.", access.domains.join(", "))
        }
        SignUpMode::Off => "This server takes no new accounts. Members can sign in.".to_owned(),
    };
    let guests = match access.guests {
        GuestAccess::On => "",
        GuestAccess::TextOnly => "Without an account you can read the plain text of documents, but not use AI.",
        GuestAccess::Off => "",
    };
    let words = [sign_up.as_str(), guests].join(" ").trim().to_owned();
    Some(words).filter(|words| !words.is_empty())
}

/// Sign-in, where people cannot sign up by themselves.
#[component]
fn SignInForm() -> impl IntoView {
    let sign_in = ServerAction::<SignIn>::new();
    view! {
        <section class="card stack" aria-label="Sign in">
            <h2>"Sign in"</h2>
            <ActionForm action=sign_in attr:class="stack">
                <SignFields way="in" words="Sign in" password="current-password" />
            </ActionForm>
        </section>
    }
}

/// What the person who runs the server has to do next.
#[component]
fn NoOperator() -> impl IntoView {
    view! {
        <p class="notice warn" data-testid="no-operator">
            "This server has no operator yet. Run "
            <code>"coldbrew user operator YOU@EXAMPLE.ORG"</code>
            " on the server, and open the link that it prints."
        </p>
    }
}

/// The way to the operator's page, for operators.
#[component]
pub fn OperatorLink() -> impl IntoView {
    let access = Resource::new(|| (), |()| async { fetch_access().await.unwrap_or_default() });
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                access
                    .await
                    .is_operator
                    .then(|| {
                        view! {
                            <p>
                                <a class="button" href="/operator" data-testid="operator-link">
                                    "Manage this server"
                                </a>
                            </p>
                        }
                    })
            })}
        </Suspense>
    }
}

/// Why the account cannot be shown. A disabled account can be left, so that the browser is free for another.
#[component]
pub fn NoAccess(error: ApiError) -> impl IntoView {
    let sign_out = ServerAction::<SignOut>::new();
    match error.code {
        ErrorCode::AccountDisabled => Either::Left(view! {
            <Trouble error />
            <ActionForm action=sign_out>
                <button class="button" name="everywhere" value="false" data-testid="sign-out">
                    "Sign out"
                </button>
            </ActionForm>
        }),
        _ => Either::Right(view! { <Trouble error /> }),
    }
}
