//! API tokens: made, shown once, revoked. `browser/forms.rs` and `browser/questions.rs` do it.

use leptos::prelude::*;

use crate::app::components::{LocalTime, Question};
use crate::model::wire::TokenSummary;

/// The account's tokens.
#[component]
pub fn Tokens(tokens: Vec<TokenSummary>) -> impl IntoView {
    view! {
        <section class="stack" aria-labelledby="tokens-title">
            <h2 id="tokens-title">"API tokens"</h2>
            <p class="soft">
                "For scripts, as a bearer token. "<a href="/docs" rel="external">"How the API works"</a>
            </p>
            <div data-live="idle">
                {(!tokens.is_empty()).then(|| view! {
                    <ul class="rows" id="tokens">{tokens.into_iter().map(|token| view! { <TokenRow token /> }).collect_view()}</ul>
                })}
            </div>
            <div class="notice good stack" id="made" role="status" hidden>
                <p>"Here is “"<strong data-named=""></strong>"”. Copy it now: it is shown this once."</p>
                <div class="pasted">
                    <input class="input mono" id="new-token" name="token" readonly aria-label="The new token" data-testid="new-token" />
                    <button class="button" type="button" data-copy="new-token">"Copy"</button>
                </div>
            </div>
            <form class="stack" data-send="token">
                <div class="pasted">
                    <label class="visually-hidden" for="token-name">"Name of a new token"</label>
                    <input class="input" id="token-name" name="name" required maxlength="100" placeholder="What is it for?"
                        autocomplete="off" data-testid="token-name" />
                    <button class="button" type="submit">"Make a token"</button>
                </div>
                <p class="notice bad" role="alert" hidden></p>
            </form>
        </section>
        <Question id="revocation" title="Revoke this token?" yes="Revoke it">
            <p>"Scripts that use “"<strong data-named=""></strong>"” will be refused from now on."</p>
        </Question>
    }
}

#[component]
fn TokenRow(token: TokenSummary) -> impl IntoView {
    let TokenSummary { id, name, created_at, expires_at } = token;
    let name = if name.is_empty() { "Unnamed".to_owned() } else { name };
    let row_id = format!("token-{id}");
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
                <button class="button small" type="button" aria-label=format!("Revoke {name}") data-revoke=id data-name=name.clone()>
                    "Revoke"
                </button>
            </div>
        </li>
    }
}
