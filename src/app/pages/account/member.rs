//! The forms to sign up, in and out, and to delete the account.

use leptos::prelude::*;

use super::bring::BringChoice;
use super::sessions::PasswordAgain;
use crate::app::components::{Answers, Question, QuestionButton};
use crate::app::server::{DeleteAccount, SignIn, SignOut, SignUp};

/// The forms to sign up and to sign in. `known`: the browser has a guest account, which becomes the member's on sign-up.
#[component]
pub fn SignForms(known: bool) -> impl IntoView {
    let words = match known {
        true => "Your documents exist only in this browser. Sign up to keep them and read anywhere.",
        false => "You can start without an account. Sign up to read your documents anywhere.",
    };
    let sign_up = ServerAction::<SignUp>::new();
    let sign_in = ServerAction::<SignIn>::new();
    view! {
        <section class="card stack sign" aria-label="Sign up or in">
            <fieldset class="segments">
                <legend class="visually-hidden">"New here, or back again?"</legend>
                <label>
                    <input type="radio" name="way" value="up" checked />
                    "Sign up"
                </label>
                <label>
                    <input type="radio" name="way" value="in" />
                    "Sign in"
                </label>
            </fieldset>
            <p class="soft sign-up">{words}</p>
            <ActionForm action=sign_up attr:class="stack sign-up">
                <SignFields way="up" words="Sign up" password="new-password" />
            </ActionForm>
            <ActionForm action=sign_in attr:class="stack sign-in">
                {known.then(|| view! { <BringChoice /> })}
                <SignFields way="in" words="Sign in" password="current-password" />
            </ActionForm>
        </section>
    }
}

/// The fields of one form. `way`: `up` or `in`. `password`: the `autocomplete` value for the browser's password manager.
#[component]
pub fn SignFields(way: &'static str, words: &'static str, password: &'static str) -> impl IntoView {
    let is_new = way == "up";
    let id = |field: &str| format!("{way}-{field}");
    view! {
        <div class="field">
            <label class="field-label" for=id("email")>
                "E-mail address"
            </label>
            <input class="input" id=id("email") name="email" type="email" required autocomplete="username" />
        </div>
        <div class="field">
            <label class="field-label" for=id("password")>
                "Password"
            </label>
            <input
                class="input"
                id=id("password")
                name="password"
                type="password"
                required
                autocomplete=password
                minlength=is_new.then_some("10")
                aria-describedby=is_new.then(|| id("hint"))
            />
            {is_new
                .then(|| {
                    view! {
                        <p class="field-hint" id=id("hint")>
                            "At least 10 characters."
                        </p>
                    }
                })}
        </div>
        <button class="button primary" type="submit">
            {words}
        </button>
    }
}

/// The member's address, and the buttons to sign out.
#[component]
pub fn Member(email: String) -> impl IntoView {
    let sign_out = ServerAction::<SignOut>::new();
    view! {
        <section class="card stack" aria-label="Signed in">
            <h2>"You"</h2>
            <p>"Signed in as "<strong data-testid="who">{email}</strong></p>
            <ActionForm action=sign_out attr:class="cluster">
                <button class="button" name="everywhere" value="false" data-testid="sign-out">
                    "Sign out"
                </button>
                <button class="button ghost" name="everywhere" value="true">
                    "Sign out everywhere"
                </button>
            </ActionForm>
        </section>
    }
}

/// The button that deletes the account, with its confirmation dialog.
#[component]
pub fn DeleteSection(id: String, email: Option<String>, has_password: bool) -> impl IntoView {
    const QUESTION: &str = "leaving";
    let whose = email.unwrap_or_else(|| "this guest account".to_owned());
    let delete = ServerAction::<DeleteAccount>::new();
    view! {
        <section class="stack" aria-labelledby="leave-title">
            <h2 id="leave-title">"Delete account"</h2>
            <div class="cluster spread">
                <p class="soft">{format!("Permanently deletes {whose} with all documents, files and tokens.")}</p>
                <QuestionButton asks=QUESTION.to_owned() class="button danger" attr:data-testid="delete-account">
                    "Delete account"
                </QuestionButton>
            </div>
        </section>
        <Question id=QUESTION.to_owned() title="Delete your account?">
            <ActionForm action=delete attr:class="stack">
                <input type="hidden" name="id" value=id />
                <p>
                    "All documents, files, receipts and tokens are deleted permanently. Running batches are cancelled."
                </p>
                <PasswordAgain has_password id="password-leave".to_owned() />
                <Answers of=QUESTION.to_owned() yes="Delete everything" />
            </ActionForm>
        </Question>
    }
}
