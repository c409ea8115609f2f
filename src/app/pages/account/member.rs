//! Signing up, in and out, and leaving for good.

use leptos::prelude::*;

use crate::app::components::Trouble;
use crate::app::server::{delete_account, sign_in, sign_out, sign_up};
use crate::model::ApiError;

/// Runs a call; if it goes well the page is loaded anew, since everything on it belongs to somebody else now.
fn then_reload(
    call: impl Future<Output = Result<(), ApiError>> + 'static,
    set_busy: WriteSignal<bool>,
    set_error: WriteSignal<Option<ApiError>>,
) {
    set_busy.set(true);
    set_error.set(None);
    leptos::task::spawn_local(async move {
        match call.await {
            Ok(()) => {
                let _ = window().location().reload();
            }
            Err(problem) => {
                set_error.set(Some(problem));
                set_busy.set(false);
            }
        }
    });
}

/// The forms of somebody who is not signed in. `known`: there is a guest to sign up.
#[island]
pub fn SignForms(known: bool) -> impl IntoView {
    let (email, set_email) = signal(String::new());
    let (password, set_password) = signal(String::new());
    let (new, set_new) = signal(known);
    let (busy, set_busy) = signal(false);
    let (error, set_error) = signal(None::<ApiError>);
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        let (email, password) = (email.get_untracked(), password.get_untracked());
        match new.get_untracked() {
            true => then_reload(sign_up(email, password), set_busy, set_error),
            false => then_reload(sign_in(email, password), set_busy, set_error),
        }
    };
    let title = move || if new.get() { "Sign up" } else { "Sign in" };
    view! {
        <section class="card stack" aria-labelledby="sign-title">
            <h2 id="sign-title">{title}</h2>
            <form class="stack" on:submit=send>
                <div class="field">
                    <label class="field-label" for="email">"E-mail address"</label>
                    <input class="input" id="email" type="email" required autocomplete="username" data-testid="email"
                        prop:value=email on:input=move |event| set_email.set(event_target_value(&event)) />
                </div>
                <div class="field">
                    <label class="field-label" for="password">"Password"</label>
                    <input class="input" id="password" type="password" required minlength="10" data-testid="password"
                        autocomplete=move || if new.get() { "new-password" } else { "current-password" }
                        prop:value=password on:input=move |event| set_password.set(event_target_value(&event)) />
                    <p class="field-hint">
                        {move || if new.get() {
                            "At least 10 characters. Everything you made here stays yours."
                        } else {
                            "What you made here as a guest stays with this browser's guest and is not moved."
                        }}
                    </p>
                </div>
                {move || error.get().map(|error| view! { <Trouble error /> })}
                <div class="cluster">
                    <button class="button primary" type="submit" data-testid="sign" disabled=busy>{title}</button>
                    <button class="button" type="button" data-testid="sign-other" on:click=move |_| set_new.update(|new| *new = !*new)>
                        {move || if new.get() { "I have an account" } else { "I am new here" }}
                    </button>
                </div>
            </form>
        </section>
    }
}

/// Who is signed in, and how to be so no longer.
#[island]
pub fn Member(email: String) -> impl IntoView {
    let (busy, set_busy) = signal(false);
    let (error, set_error) = signal(None::<ApiError>);
    view! {
        <section class="card stack" aria-label="Signed in">
            <p>"Signed in as "<strong data-testid="who">{email}</strong></p>
            {move || error.get().map(|error| view! { <Trouble error /> })}
            <div class="cluster">
                <button class="button" type="button" data-testid="sign-out" disabled=busy
                    on:click=move |_| then_reload(sign_out(false), set_busy, set_error)>"Sign out"</button>
                <button class="button" type="button" disabled=busy
                    on:click=move |_| then_reload(sign_out(true), set_busy, set_error)>"Sign out everywhere"</button>
            </div>
        </section>
    }
}

/// Deleting the account, asked for twice.
#[island]
pub fn Leave(email: Option<String>) -> impl IntoView {
    let (sure, set_sure) = signal(false);
    let (busy, set_busy) = signal(false);
    let (error, set_error) = signal(None::<ApiError>);
    let whose = email.unwrap_or_else(|| "this guest account".to_owned());
    view! {
        <section class="card stack" aria-labelledby="leave-title">
            <h2 id="leave-title">"Delete account"</h2>
            <p class="soft">{format!("Deletes {whose} with all documents, files and tokens, at once and for good.")}</p>
            {move || error.get().map(|error| view! { <Trouble error /> })}
            <div class="cluster">
                <button class="button" type="button" data-testid="delete-account" disabled=busy
                    on:click=move |_| match sure.get_untracked() {
                        false => set_sure.set(true),
                        true => then_reload(delete_account(), set_busy, set_error),
                    }>
                    {move || if sure.get() { "Yes, delete everything" } else { "Delete account" }}
                </button>
                <Show when=move || sure.get()>
                    <button class="button" type="button" on:click=move |_| set_sure.set(false)>"Keep it"</button>
                </Show>
            </div>
        </section>
    }
}
