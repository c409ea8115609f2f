//! The frame of every page: brand, navigation, the demo notice and the footer.

use leptos::either::Either;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{CupIcon, ThemeMenu, Trouble};
use crate::app::PageContext;
use crate::model::Flash;

const PLACES: [(&str, &str); 3] = [("/", "Home"), ("/library", "Library"), ("/account", "Account")];

/// The header and footer around a page.
#[component]
pub fn Frame(children: Children) -> impl IntoView {
    let PageContext { demo, flash, theme, .. } = use_context().unwrap_or_default();
    // The account page shows a new token itself.
    let said = match flash {
        Some(Flash::Done(words)) => Some(Either::Left(view! { <p class="notice good">{words}</p> })),
        Some(Flash::Failed(error)) => Some(Either::Right(view! { <Trouble error /> })),
        Some(Flash::Token(_) | Flash::Link { .. }) | None => None,
    };
    let here = use_location().pathname;
    let place = |(href, name): (&'static str, &'static str)| {
        view! {
            <li>
                <a href=href aria-current=move || (here.get() == href).then_some("page")>
                    {name}
                </a>
            </li>
        }
    };
    view! {
        <a class="skip-link visually-hidden" href="#main">
            "Skip to content"
        </a>
        <header class="site-header">
            <div class="container">
                <a class="brand" href="/" aria-label="Coldbrew, home">
                    <CupIcon />
                    <span class="brand-name">"Coldbrew"</span>
                </a>
                <nav class="site-nav" aria-label="Main">
                    <ul class="nav-list">{PLACES.map(place).into_view()}</ul>
                </nav>
                <ThemeMenu chosen=theme.unwrap_or("system").to_owned() />
            </div>
            <Show when=move || demo>
                <p class="demo-note">"Demo mode: no Gemini key, pages are read by a local stand-in"</p>
            </Show>
        </header>
        {children()}
        <footer class="site-footer">
            <div class="container cluster spread">
                <p>"Coldbrew"</p>
                <p>
                    <a href="/docs" rel="external">
                        "API"
                    </a>
                </p>
            </div>
        </footer>
        <div class="toasts" role="status" data-said="">
            {said}
        </div>
    }
}
