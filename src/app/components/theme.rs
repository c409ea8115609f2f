//! The menu of themes: light, dark, or that of the system.

use leptos::prelude::*;

use crate::app::browser::choose_theme;

const CHOICES: [(&str, &str); 3] = [("system", "System"), ("light", "Light"), ("dark", "Dark")];

/// The menu. `chosen`: the current choice.
#[island]
pub fn ThemeMenu(chosen: String) -> impl IntoView {
    let chosen = RwSignal::new(chosen);
    let choice = |(name, words): (&'static str, &'static str)| {
        let stands = move || chosen.with(|chosen| chosen == name).to_string();
        let choose = move |_| {
            choose_theme(name);
            chosen.set(name.to_owned());
        };
        view! {
            <li>
                <button type="button" aria-pressed=stands on:click=choose>
                    {words}
                </button>
            </li>
        }
    };
    view! {
        <details class="menu theme">
            <summary class="icon-button" aria-label="Theme">
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
