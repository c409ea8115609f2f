//! The web app: what people see, and the calls that it makes.
//!
//! Pages are rendered on the server and can be read without script. The parts that the browser owns, such as the one that takes
//! files, are *islands*: only islands and what they use are compiled to WebAssembly. An island starts from its props, never from a clock, a
//! random number or the browser's storage. All else stays as the server drew it, and `browser` keeps it current.
//!
//! `pages` has a file for each screen, `components` what several of them use, and `server` the calls to the server. Nothing here knows more
//! than [`crate::model`]. Only the bodies of server functions reach further, into `crate::web`, and those are compiled on the server alone.

mod browser;
// The macros for components write `pub` themselves.
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

/// What a page needs to know of the server and the request before it is rendered.
#[derive(Clone, Debug, Default)]
pub struct PageContext {
    /// No Gemini key: the built-in stand-in reads the pages.
    pub demo: bool,
    /// The largest file that is accepted, in bytes.
    pub upload_bytes_max: u64,
    /// What a batch page costs, in percent of a realtime page.
    pub batch_percent: u64,
    /// What else people may sign in with, by its name.
    pub provider: Option<String>,
    /// `light` or `dark`, if the person chose one.
    pub theme: Option<&'static str>,
    /// Addresses of the browser library: its script, and its WebAssembly.
    pub library: Option<(String, String)>,
    /// What came of the form that led here.
    pub flash: Option<Flash>,
    /// Gives the answer under way this HTTP status.
    pub set_status: Option<fn(u16)>,
    /// Makes the answer under way lead to another address.
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

/// The frame and the page that the address asks for.
///
/// No page is streamed: each is one answer to a few reads of the database. `InOrder` and `OutOfOrder` send the head before what is read, and
/// every page below has a reason why its head must wait. (`OutOfOrder` also needs script to put a page together.)
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
                    // Its title counts the jobs in progress.
                    <Route path=path!("/") view=pages::Home ssr=SsrMode::Async />
                    // Its HTTP status is that of the list.
                    <Route path=path!("/library") view=pages::LibraryPage ssr=SsrMode::Async />
                    // So is this one's, of the account.
                    <Route path=path!("/account") view=pages::Account ssr=SsrMode::Async />
                    // A job that is done redirects to its document; one that is not there is a 404. The title tells the state.
                    <Route path=path!("/batch/:content_hash") view=pages::Batch ssr=SsrMode::Async />
                    // A draft whose job failed redirects to it; a document that is not there is a 404. The title is the document's.
                    <Route path=path!("/documents/:id") view=pages::Reader ssr=SsrMode::Async />
                </FlatRoutes>
            </Frame>
        </Router>
    }
}
