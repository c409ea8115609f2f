//! A question before something is done for good. Its form is the answer yes; Escape and a click beside it mean no.

use leptos::prelude::*;

/// A native dialog, which a [`QuestionButton`] of the same id opens. `children`: the form, with [`Answers`] at its end.
#[component]
pub fn Question(id: String, title: &'static str, children: Children) -> impl IntoView {
    let title_id = format!("{id}-title");
    view! {
        <dialog class="dialog" id=id aria-labelledby=title_id.clone() closedby="any">
            <div class="stack">
                <h2 id=title_id.clone()>{title}</h2>
                {children()}
            </div>
        </dialog>
    }
}

/// Opens the dialog of that id, without script too. `browser/clicks.rs` does it in browsers that do not know the command yet.
#[component]
pub fn QuestionButton(asks: String, class: &'static str, children: Children) -> impl IntoView {
    view! {
        <button class=class type="button" command="show-modal" commandfor=asks>
            {children()}
        </button>
    }
}

/// The two answers: `yes` sends the form, `no` closes the dialog `of`.
#[component]
pub fn Answers(of: String, yes: &'static str) -> impl IntoView {
    view! {
        <div class="cluster">
            <button class="button" type="button" command="close" commandfor=of>
                "Keep it"
            </button>
            <button class="button danger" type="submit">
                {yes}
            </button>
        </div>
    }
}
