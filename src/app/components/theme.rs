//! Light, dark, or as the system has it: a menu whose choices `browser/theme.rs` carries out.

use leptos::prelude::*;

use crate::app::PageContext;

const CHOICES: [(&str, &str); 3] = [("system", "As the system"), ("light", "Light"), ("dark", "Dark")];

/// The menu, with the choice that stands.
#[component]
pub fn ThemeMenu() -> impl IntoView {
    let chosen = use_context::<PageContext>().unwrap_or_default().theme.unwrap_or("system");
    let choice = |(name, words): (&'static str, &'static str)| {
        let stands = (chosen == name).to_string();
        view! { <li><button type="button" data-theme-choice=name aria-pressed=stands>{words}</button></li> }
    };
    view! {
        <details class="menu theme">
            <summary class="icon-button" aria-label="Light or dark">
                <svg class="icon sun" viewBox="0 0 24 24" aria-hidden="true">
                    <circle cx="12" cy="12" r="4" />
                    <path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4" />
                </svg>
                <svg class="icon moon" viewBox="0 0 24 24" aria-hidden="true">
                    <path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z" />
                </svg>
            </summary>
            <ul class="menu-list">{CHOICES.map(choice).into_view()}</ul>
        </details>
    }
}
