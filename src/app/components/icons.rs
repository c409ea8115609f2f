//! Icons. They are decoration, so a control with only an icon needs a label.

use leptos::prelude::*;

/// The brand: a steaming cup.
#[component]
pub fn CupIcon() -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
            <path d="M4 10h13v5a5 5 0 0 1-5 5H9a5 5 0 0 1-5-5z" />
            <path d="M17 11h1.5a2.5 2.5 0 0 1 0 5H17M8.5 7c-1-1.3 1-2.2 0-3.5M12.5 7c-1-1.3 1-2.2 0-3.5" />
        </svg>
    }
}

/// A cross.
#[component]
pub fn CloseIcon() -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
            <path d="M6 6l12 12M18 6 6 18" />
        </svg>
    }
}

/// A bin.
#[component]
pub fn DeleteIcon() -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
            <path d="M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.5 10.5v5.5M13.5 10.5v5.5" />
        </svg>
    }
}
