//! API tokens: the list, and the forms to create and revoke one.

use leptos::either::Either;
use leptos::prelude::*;
use strum::VariantArray;

use super::sessions::PasswordAgain;
use crate::app::components::{Answers, LocalTime, Question, QuestionButton};
use crate::app::server::{CreateToken, RevokeToken};
use crate::model::wire::{NewToken, TokenSummary};
use crate::model::{Scope, Scopes};

/// The account's tokens. `made`: the token that a form has just created.
#[component]
pub fn Tokens(tokens: Vec<TokenSummary>, made: Option<NewToken>, has_password: bool) -> impl IntoView {
    let create = ServerAction::<CreateToken>::new();
    view! {
        <section class="stack" aria-labelledby="tokens-title">
            <h2 id="tokens-title">"API tokens"</h2>
            <p class="soft">
                "Let scripts use your account. "<a href="/docs" rel="external">
                    "How the API works"
                </a>
            </p>
            <div data-live="idle">
                {(!tokens.is_empty())
                    .then(|| {
                        view! {
                            <ul class="rows" id="tokens">
                                {tokens.into_iter().map(|token| view! { <TokenRow token /> }).collect_view()}
                            </ul>
                        }
                    })}
            </div>
            <div data-said="">{made.map(|token| view! { <CreatedToken token /> })}</div>
            <ActionForm action=create attr:class="stack">
                <label class="visually-hidden" for="token-name">
                    "Name of a new token"
                </label>
                <input
                    class="input"
                    id="token-name"
                    name="name"
                    required
                    maxlength="100"
                    placeholder="Name, e.g. backup script"
                    autocomplete="off"
                    data-testid="token-name"
                />
                <TokenChoices />
                <PasswordAgain has_password id="password-token".to_owned() />
                <button class="button" type="submit">
                    "Create token"
                </button>
            </ActionForm>
        </section>
    }
}

/// What a new token may do, and how long it is valid.
#[component]
fn TokenChoices() -> impl IntoView {
    let scope = |name: &'static str, words: &'static str, checked: bool| {
        view! {
            <label class="cluster">
                <input type="checkbox" name=name value="true" checked=checked />
                {words}
            </label>
        }
    };
    view! {
        <fieldset class="stack">
            <legend class="field-label">"It may"</legend>
            {scope("read", "read documents", true)}
            {scope("submit", "upload, submit and delete documents", true)}
            {scope("account", "manage tokens and delete the account", false)}
        </fieldset>
        <div class="field">
            <label class="field-label" for="token-days">
                "It expires after"
            </label>
            <select class="input" id="token-days" name="days">
                <option value="7">"7 days"</option>
                <option value="30">"30 days"</option>
                <option value="90" selected>
                    "90 days"
                </option>
                <option value="365">"a year"</option>
            </select>
        </div>
    }
}

/// For example: May read and submit.
fn words_of(scopes: &Scopes) -> String {
    let names: Vec<&str> =
        Scope::VARIANTS.iter().filter(|scope| scopes.contains(**scope)).map(|scope| scope.into_str()).collect();
    match names.as_slice() {
        names if names.len() == Scope::VARIANTS.len() => "May do everything".to_owned(),
        [] => "May do nothing".to_owned(),
        names => format!("May {}", names.join(" and ")).replace("account", "manage the account"),
    }
}

#[component]
fn TokenRow(token: TokenSummary) -> impl IntoView {
    let TokenSummary { id, name, created_at, expires_at, scopes, last_used_at } = token;
    let may = words_of(&scopes);
    let name = if name.is_empty() { "Unnamed".to_owned() } else { name };
    let (row_id, question) = (format!("token-{id}"), format!("revocation-{id}"));
    let revoke = ServerAction::<RevokeToken>::new();
    view! {
        <li class="row" id=row_id>
            <div>
                <span class="row-title">{name.clone()}</span>
                <p class="row-meta">
                    <span>"Created "<LocalTime at=created_at day=true /></span>
                    <span>"Expires "<LocalTime at=expires_at day=true /></span>
                    <span>{may}</span>
                    {match last_used_at {
                        Some(at) => Either::Left(view! { <span>"Last used "<LocalTime at=at day=true /></span> }),
                        None => Either::Right(view! { <span>"Not used yet"</span> }),
                    }}
                </p>
            </div>
            <div class="row-end">
                <QuestionButton asks=question.clone() class="button small" attr:aria-label=format!("Revoke {name}")>
                    "Revoke"
                </QuestionButton>
            </div>
            <Question id=question.clone() title="Revoke this token?">
                <ActionForm action=revoke attr:class="stack">
                    <input type="hidden" name="id" value=id />
                    <p>"Scripts that use “"<strong>{name}</strong>"” will stop working."</p>
                    <Answers of=question yes="Revoke it" />
                </ActionForm>
            </Question>
        </li>
    }
}

/// A new token with its secret, which is shown only on this page.
#[component]
fn CreatedToken(token: NewToken) -> impl IntoView {
    view! {
        <div class="notice good stack" role="status">
            <p>"Your token “"<strong>{token.name}</strong>"” is ready. Copy it now: it is shown only once."</p>
            <div class="pasted">
                <input
                    class="input mono"
                    id="new-token"
                    readonly
                    aria-label="The new token"
                    data-testid="new-token"
                    value=token.token
                />
                <button class="button" type="button" data-copy="new-token">
                    "Copy"
                </button>
            </div>
        </div>
    }
}
