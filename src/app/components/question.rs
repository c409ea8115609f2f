//! A question before something is done for good; `browser/questions.rs` asks it.

use leptos::prelude::*;

/// A native dialog. In `children`, an element `data-named` gets the name of what is asked about.
#[component]
pub fn Question(
    id: &'static str,
    title: &'static str,
    yes: &'static str,
    #[prop(default = "Keep it")] no: &'static str,
    children: Children,
) -> impl IntoView {
    let title_id = format!("{id}-title");
    view! {
        <dialog class="dialog" id=id aria-labelledby=title_id.clone() closedby="any">
            <form class="stack" method="dialog">
                <h2 id=title_id.clone()>{title}</h2>
                {children()}
                <div class="cluster">
                    <button class="button" value="no">{no}</button>
                    <button class="button danger" value="yes">{yes}</button>
                </div>
            </form>
        </dialog>
    }
}
