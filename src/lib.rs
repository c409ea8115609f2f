//! Coldbrew: large PDFs, scans and images become clean Markdown, by Gemini, at half price for those who can wait.
//!
//! This package makes two programs: the server (feature `ssr`, from `main.rs`) and what the browser runs (feature `hydrate`).
//!
//! | if you look for | read |
//! |---|---|
//! | the words and rules both sides share | [`model`] |
//! | what people see | [`app`] |
//! | a batch's way from "accepted" to "done" | `jobs` |
//! | how a file comes in, also by its address | `uploads` |
//! | how pages are read, by text or by AI | `extract`, and the crate `coldbrew-pdf` |
//! | reading, searching and exporting documents | `documents`, `markdown` |
//! | Google's API, and the emulator of it | the crates `coldbrew-gemini` and `coldbrew-gemini-emulator` |
//! | who calls, what Gemini costs and what may be spent | `accounts` |
//! | what is kept, and where; what is deleted when | `store`, `retention` |
//! | HTTP | `api`, `web` |
//! | how it is all put together, and examined | `serve`, `settings`, `operations` |
//!
//! ARCHITECTURE.md walks through a batch file by file.

#![recursion_limit = "256"]
#![warn(unreachable_pub)]

#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub mod app;
pub mod model;

#[cfg(feature = "ssr")]
pub mod accounts;
#[cfg(feature = "ssr")]
pub mod api;
#[cfg(feature = "ssr")]
pub mod changes;
#[cfg(feature = "ssr")]
pub mod clock;
#[cfg(feature = "ssr")]
mod crash;
#[cfg(feature = "ssr")]
pub mod documents;
#[cfg(feature = "ssr")]
pub mod error;
#[cfg(feature = "ssr")]
pub mod extract;
#[cfg(feature = "ssr")]
pub mod jobs;
#[cfg(feature = "ssr")]
pub mod markdown;
#[cfg(feature = "ssr")]
pub mod metrics;
#[cfg(feature = "ssr")]
pub mod operations;
#[cfg(feature = "ssr")]
pub mod retention;
#[cfg(feature = "ssr")]
pub mod serve;
#[cfg(feature = "ssr")]
pub mod settings;
#[cfg(feature = "ssr")]
pub mod store;
#[cfg(feature = "ssr")]
pub mod telemetry;
#[cfg(feature = "ssr")]
pub mod uploads;
#[cfg(feature = "ssr")]
pub mod web;

/// Hydrates a page. The browser's entry point.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
    app::hydrate();
}
