//! API tokens: made, shown once, revoked.

use leptos::prelude::*;

use crate::app::components::{Answers, LocalTime, Question, QuestionButton};
use crate::app::server::{CreateToken, RevokeToken};
use crate::model::wire::{NewToken, TokenSummary};

/// The account's tokens. `made`: one that a form has just made.
#[component]
pub fn Tokens(tokens: Vec<TokenSummary>, made: Option<NewToken>) -> impl IntoView {
    let create = ServerAction::<CreateToken>::new();
    view! {
        <section class="stack" aria-labelledby="tokens-title">
            <h2 id="tokens-title">"API tokens"</h2>
            <p class="soft">
                "For scripts, as a bearer token. "<a href="/docs" rel="external">
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
            <div data-said="">{made.map(|token| view! { <Made token /> })}</div>
            <ActionForm action=create attr:class="pasted">
                <label class="visually-hidden" for="token-name">
                    "Name of a new token"
                </label>
                <input
                    class="input"
                    id="token-name"
                    name="name"
                    required
                    maxlength="100"
                    placeholder="What is it for?"
                    autocomplete="off"
                    data-testid="token-name"
                />
                <button class="button" type="submit">
                    "Make a token"
                </button>
            </ActionForm>
        </section>
    }
}

#[component]
fn TokenRow(token: TokenSummary) -> impl IntoView {
    let TokenSummary { id, name, created_at, expires_at } = token;
    let name = if name.is_empty() { "Unnamed".to_owned() } else { name };
    let (row_id, question) = (format!("token-{id}"), format!("revocation-{id}"));
    let revoke = ServerAction::<RevokeToken>::new();
    view! {
        <li class="row" id=row_id>
            <div>
                <span class="row-title">{name.clone()}</span>
                <p class="row-meta">
                    <span>"Made "<LocalTime at=created_at day=true /></span>
                    <span>"Works until "<LocalTime at=expires_at day=true /></span>
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
                    <p>"Scripts that use “"<strong>{name}</strong>"” will be refused from now on."</p>
                    <Answers of=question yes="Revoke it" />
                </ActionForm>
            </Question>
        </li>
    }
}

/// A token that was just made. The page shows it until it is left, since no other page does.
#[component]
fn Made(token: NewToken) -> impl IntoView {
    view! {
        <div class="notice good stack" role="status">
            <p>"Here is “"<strong>{token.name}</strong>"”. Copy it now: it is shown this once."</p>
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
