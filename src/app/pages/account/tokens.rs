//! API tokens: made, shown once, revoked.

use leptos::prelude::*;

use crate::app::components::{LocalTime, Trouble};
use crate::app::server::{create_token, fetch_me, revoke_token};
use crate::model::ApiError;
use crate::model::wire::{NewToken, TokenSummary};

/// The account's tokens.
#[island]
pub fn Tokens(initial: Vec<TokenSummary>) -> impl IntoView {
    let (tokens, set_tokens) = signal(initial);
    let (name, set_name) = signal(String::new());
    let (made, set_made) = signal(None::<NewToken>);
    let (error, set_error) = signal(None::<ApiError>);
    let look_again = move || async move {
        if let Ok(Some((_, newer))) = fetch_me().await {
            set_tokens.set(newer);
        }
    };
    let make = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        set_error.set(None);
        leptos::task::spawn_local(async move {
            match create_token(name.get_untracked()).await {
                Ok(token) => {
                    set_made.set(Some(token));
                    set_name.set(String::new());
                    look_again().await;
                }
                Err(problem) => set_error.set(Some(problem)),
            }
        });
    };
    let revoke = Callback::new(move |id: String| {
        set_error.set(None);
        leptos::task::spawn_local(async move {
            match revoke_token(id).await {
                Ok(()) => look_again().await,
                Err(problem) => set_error.set(Some(problem)),
            }
        });
    });
    view! {
        <section class="card stack" aria-labelledby="tokens-title">
            <h2 id="tokens-title">"API tokens"</h2>
            <p class="soft">"For scripts, as a bearer token. "<a href="/docs" rel="external">"How the API works"</a></p>
            <ul class="rows">
                {move || tokens.get().into_iter().map(|token| view! { <TokenRow token revoke /> }).collect_view()}
            </ul>
            {move || made.get().map(|token| view! {
                <p class="notice" role="status">
                    {format!("“{}” is shown this once: ", token.name)}<code data-testid="new-token">{token.token}</code>
                </p>
            })}
            {move || error.get().map(|error| view! { <Trouble error /> })}
            <form class="url-form" on:submit=make>
                <label class="visually-hidden" for="token-name">"Name of a new token"</label>
                <input class="input" id="token-name" required maxlength="100" placeholder="What is it for?" data-testid="token-name"
                    prop:value=name on:input=move |event| set_name.set(event_target_value(&event)) />
                <button class="button" type="submit">"Make a token"</button>
            </form>
        </section>
    }
}

#[component]
fn TokenRow(token: TokenSummary, revoke: Callback<String>) -> impl IntoView {
    let TokenSummary { id, name, created_at, .. } = token;
    let name = if name.is_empty() { "Unnamed".to_owned() } else { name };
    let label = format!("Revoke {name}");
    view! {
        <li class="row">
            <span class="row-title">{name}</span>
            <span class="row-meta">"made "<LocalTime at=created_at day=true /></span>
            <span class="row-end">
                <button class="button small" type="button" aria-label=label on:click=move |_| revoke.run(id.clone())>"Revoke"</button>
            </span>
        </li>
    }
}
