//! A confirmation dialog. Its form confirms; Escape and a click outside the dialog cancel.

use leptos::prelude::*;

/// A native dialog, opened by the [`QuestionButton`] with the same id. `children`: the form, with [`Answers`] at its end.
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

/// Opens the dialog with the id `asks`, without script too. `browser/clicks.rs` does so in browsers without invoker commands.
#[component]
pub fn QuestionButton(asks: String, class: &'static str, children: Children) -> impl IntoView {
    view! {
        <button class=class type="button" command="show-modal" commandfor=asks>
            {children()}
        </button>
    }
}

/// The two buttons: `yes` submits the form, "Keep it" closes the dialog with the id `of`.
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
