//! Light or dark by hand. The choice is a cookie, so that the server renders the right one at once.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

const YEAR_S: u32 = 31_536_000;

/// Switches between light and dark. Its label says nothing of the state, so nothing differs before and after it wakes up.
#[island]
pub fn ThemeToggle() -> impl IntoView {
    let switch = move |_| {
        let Some(root) = document().document_element() else { return };
        let dark = match root.get_attribute("data-theme").as_deref() {
            Some(theme) => theme == "dark",
            None => prefers_dark(),
        };
        let theme = if dark { "light" } else { "dark" };
        // Neither can fail on a page that is being looked at; if it does, the page stays as it is.
        let _ = root.set_attribute("data-theme", theme);
        if let Ok(page) = document().dyn_into::<web_sys::HtmlDocument>() {
            let _ = page.set_cookie(&format!("theme={theme}; Path=/; Max-Age={YEAR_S}; SameSite=Lax"));
        }
    };
    view! {
        <button class="icon-button theme-toggle" type="button" aria-label="Switch between light and dark" on:click=switch>
            <svg class="icon sun" viewBox="0 0 24 24" aria-hidden="true">
                <circle cx="12" cy="12" r="4" />
                <path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4" />
            </svg>
            <svg class="icon moon" viewBox="0 0 24 24" aria-hidden="true">
                <path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z" />
            </svg>
        </button>
    }
}

fn prefers_dark() -> bool {
    let query = window().match_media("(prefers-color-scheme: dark)").ok().flatten();
    query.is_some_and(|query| query.matches())
}
