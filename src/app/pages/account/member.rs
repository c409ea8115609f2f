//! Signing up, in and out, and deleting the account.

use leptos::prelude::*;

use crate::app::components::{Answers, Question, QuestionButton};
use crate::app::server::{DeleteAccount, SignIn, SignOut, SignUp};

/// The two ways in for somebody who is not signed in. `known`: there is a guest, who can take everything along.
#[component]
pub fn SignForms(known: bool) -> impl IntoView {
    let words = match known {
        true => "You are a guest in this browser. Sign up, and what you have here is yours wherever you sign in.",
        false => "You need no account to begin: the first document makes you one. Or sign up, and read anywhere.",
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
            <p class="soft sign-in">"What this browser's guest has made stays with that guest and is not moved."</p>
            <ActionForm action=sign_up attr:class="stack sign-up">
                <SignFields way="up" words="Sign up" password="new-password" />
            </ActionForm>
            <ActionForm action=sign_in attr:class="stack sign-in">
                <SignFields way="in" words="Sign in" password="current-password" />
            </ActionForm>
        </section>
    }
}

/// `way`: `up` or `in`. `password`: what the browser's keeper of passwords is to offer.
#[component]
fn SignFields(way: &'static str, words: &'static str, password: &'static str) -> impl IntoView {
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

/// Who is signed in, and how to be so no longer.
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

/// Deleting the account, which is asked about first.
#[component]
pub fn Leave(id: String, email: Option<String>) -> impl IntoView {
    const QUESTION: &str = "leaving";
    let whose = email.unwrap_or_else(|| "this guest account".to_owned());
    let delete = ServerAction::<DeleteAccount>::new();
    view! {
        <section class="stack" aria-labelledby="leave-title">
            <h2 id="leave-title">"Delete account"</h2>
            <div class="cluster spread">
                <p class="soft">
                    {format!("Deletes {whose} with all documents, files and tokens, at once and for good.")}
                </p>
                <QuestionButton asks=QUESTION.to_owned() class="button danger" attr:data-testid="delete-account">
                    "Delete account"
                </QuestionButton>
            </div>
        </section>
        <Question id=QUESTION.to_owned() title="Delete your account?">
            <ActionForm action=delete attr:class="stack">
                <input type="hidden" name="id" value=id />
                <p>
                    "All documents, files, receipts and tokens go with it, at once and for good. What is still brewing is lost, too."
                </p>
                <Answers of=QUESTION.to_owned() yes="Delete everything" />
            </ActionForm>
        </Question>
    }
}
