//! Sessions and connections of the account, and the password asked again.

use leptos::prelude::*;

use crate::app::components::LocalTime;
use crate::app::server::{ConfirmPassword, Disconnect, EndSession};
use crate::model::wire::{AccessReport, IdentitySummary, SessionSummary};

/// The browsers that are signed in, and the accounts at sign-in providers that open this one.
#[component]
pub fn Sessions(report: AccessReport) -> impl IntoView {
    let AccessReport { has_password, sessions, identities, .. } = report;
    view! {
        <section class="stack" aria-labelledby="sessions-title" data-live="idle">
            <h2 id="sessions-title">"Signed-in browsers"</h2>
            <ul class="rows" id="sessions">
                {sessions.into_iter().map(|session| view! { <SessionRow session /> }).collect_view()}
            </ul>
        </section>
        {(!identities.is_empty())
            .then(|| {
                view! {
                    <section class="stack" aria-labelledby="identities-title">
                        <h2 id="identities-title">"Connected sign-ins"</h2>
                        <ul class="rows" id="identities">
                            {identities
                                .into_iter()
                                .map(|identity| view! { <IdentityRow identity has_password /> })
                                .collect_view()}
                        </ul>
                    </section>
                }
            })}
    }
}

#[component]
fn SessionRow(session: SessionSummary) -> impl IntoView {
    let SessionSummary { id, client, began_at, last_used_at, is_this } = session;
    let client = if client.is_empty() { "Unknown browser".to_owned() } else { client };
    let end = ServerAction::<EndSession>::new();
    let (label, row) = (format!("Sign out {client}"), format!("session-{id}"));
    view! {
        <li class="row" id=row>
            <div>
                <span class="row-title">{client}</span>
                <p class="row-meta">
                    {is_this.then(|| view! { <strong>"This browser"</strong> })}
                    <span>"Signed in "<LocalTime at=began_at day=true /></span>
                    <span>"Last used "<LocalTime at=last_used_at day=true /></span>
                </p>
            </div>
            {(!is_this)
                .then(|| {
                    view! {
                        <ActionForm action=end attr:class="row-end">
                            <input type="hidden" name="id" value=id />
                            <button class="button small" type="submit" aria-label=label data-testid="end-session">
                                "Sign out"
                            </button>
                        </ActionForm>
                    }
                })}
        </li>
    }
}

#[component]
fn IdentityRow(identity: IdentitySummary, has_password: bool) -> impl IntoView {
    let IdentitySummary { id, provider, connected_at } = identity;
    let disconnect = ServerAction::<Disconnect>::new();
    let (field, row) = (format!("disconnect-{id}"), format!("identity-{id}"));
    view! {
        <li class="row" id=row>
            <div>
                <span class="row-title">{provider.clone()}</span>
                <p class="row-meta">
                    <span>"Connected "<LocalTime at=connected_at day=true /></span>
                </p>
            </div>
            <details class="row-end">
                <summary>"Disconnect"</summary>
                <ActionForm action=disconnect attr:class="stack">
                    <input type="hidden" name="id" value=id />
                    <PasswordAgain has_password id=field />
                    <button class="button small" type="submit" aria-label=format!("Disconnect {provider}")>
                        "Disconnect"
                    </button>
                </ActionForm>
            </details>
        </li>
    }
}

/// The field for the password in a form that needs it again. An account without a password needs a recent sign-in instead.
#[component]
pub fn PasswordAgain(has_password: bool, id: String) -> impl IntoView {
    has_password.then(|| {
        view! {
            <div class="field">
                <label class="field-label" for=id.clone()>
                    "Your password"
                </label>
                <input
                    class="input"
                    id=id
                    name="password"
                    type="password"
                    required
                    autocomplete="current-password"
                    data-testid="password-again"
                />
            </div>
        }
    })
}

/// Asks a member for the password before a sign-in provider is connected.
#[component]
pub fn ConfirmForm(provider: String, has_password: bool) -> impl IntoView {
    let confirm = ServerAction::<ConfirmPassword>::new();
    if !has_password {
        let words = format!("To connect {provider}, sign out and in again first.");
        return view! { <p class="soft">{words}</p> }.into_any();
    }
    view! {
        <details>
            <summary>{format!("Connect {provider}")}</summary>
            <ActionForm action=confirm attr:class="stack">
                <PasswordAgain has_password id="password-connect".to_owned() />
                <button class="button" type="submit">
                    "Continue"
                </button>
            </ActionForm>
        </details>
    }
    .into_any()
}
