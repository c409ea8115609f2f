//! The web app: its pages, and its calls to the server.
//!
//! The server renders pages, and they can be read without script. The interactive parts are *islands*: only islands and what they use
//! are compiled to WebAssembly. An island starts from its props, never from a clock, a random number or the browser's storage. `browser`
//! keeps the rest of a page current.
//!
//! `pages` has a file for each screen, `components` what several screens share, and `server` the calls to the server. The app imports only
//! [`crate::model`]. The bodies of server functions also use `crate::web`; they are compiled on the server only.

mod browser;
// The component macro adds `pub` itself.
#[allow(unreachable_pub)]
mod components;
#[allow(unreachable_pub)]
mod pages;
pub mod server;

use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::{SsrMode, path};

use crate::model::Flash;
pub use browser::hydrate;
use components::{Frame, HydrationScripts};

/// Facts about the server and the request that a page needs to render.
#[derive(Clone, Debug, Default)]
pub struct PageContext {
    /// No Gemini key is set: the built-in emulator reads the pages.
    pub demo: bool,
    /// The largest accepted file, in bytes.
    pub upload_bytes_max: u64,
    /// The price of a batch page in percent of a realtime page.
    pub batch_percent: u64,
    /// The name of the sign-in provider, if there is one.
    pub provider: Option<String>,
    /// `light` or `dark`, if the user chose one.
    pub theme: Option<&'static str>,
    /// The addresses of the browser library: its script and its WebAssembly.
    pub library: Option<(String, String)>,
    /// The outcome of the form that redirected to this page.
    pub flash: Option<Flash>,
    /// Sets the HTTP status of the current response.
    pub set_status: Option<fn(u16)>,
    /// Makes the current response a redirect to another address.
    pub redirect: Option<fn(&str)>,
}

/// The HTML document around the app.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let theme = use_context::<PageContext>().unwrap_or_default().theme;
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta
                    name="description"
                    content="Coldbrew turns large PDFs, scans and images into clean, readable Markdown with their figures."
                />
                <meta name="theme-color" media="(prefers-color-scheme: light)" content="#f6efe3" />
                <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#1a1410" />
                <link rel="icon" type="image/svg+xml" href="/favicon.svg" />
                <leptos_meta::HashedStylesheet options=options.clone() id="style" />
                <AutoReload options />
                <HydrationScripts />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The frame, and the page of the current address.
///
/// No page is streamed: the status, title or redirect of each depends on what it reads. `InOrder` and `OutOfOrder` would send the head
/// first. `OutOfOrder` also needs script to assemble a page.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=|title: String| {
            if title.is_empty() { "Coldbrew".into() } else { format!("{title} · Coldbrew") }
        } />
        <Router>
            <Frame>
                <FlatRoutes fallback=pages::NotFound>
                    // The title counts the active jobs.
                    <Route path=path!("/") view=pages::Home ssr=SsrMode::Async />
                    // The HTTP status is that of the list.
                    <Route path=path!("/library") view=pages::LibraryPage ssr=SsrMode::Async />
                    // The HTTP status is that of the account.
                    <Route path=path!("/account") view=pages::Account ssr=SsrMode::Async />
                    // An invalid link sets the status.
                    <Route path=path!("/invitation") view=pages::InvitationPage ssr=SsrMode::Async />
                    <Route path=path!("/set-password") view=pages::SetPasswordPage ssr=SsrMode::Async />
                    // It is a 404 for everybody but operators.
                    <Route path=path!("/operator") view=pages::OperatorPage ssr=SsrMode::Async />
                    // A finished job redirects to its document; a missing one is a 404. The title has the status.
                    <Route path=path!("/batch/:content_hash") view=pages::Batch ssr=SsrMode::Async />
                    // A draft redirects to its failed job; a missing document is a 404. The title is the document's.
                    <Route path=path!("/documents/:id") view=pages::Reader ssr=SsrMode::Async />
                </FlatRoutes>
            </Frame>
        </Router>
    }
}
