//! Coldbrew turns large PDFs, scans and images into clean Markdown with Gemini, at half price for those who can wait.
//!
//! This package makes two programs: the server (feature `ssr`, from `main.rs`) and the browser library (feature `hydrate`).
//!
//! | subject | module |
//! |---|---|
//! | types and rules that server and browser share | [`model`] |
//! | the web app | [`app`] |
//! | jobs, from acceptance to their end | `jobs` |
//! | uploads, and imports by address | `uploads` |
//! | reading pages, as text or by AI | `extract`, and the crate `coldbrew-pdf` |
//! | reading, searching and exporting documents | `documents`, `markdown` |
//! | the Gemini API, and its emulator | the crates `coldbrew-gemini` and `coldbrew-gemini-emulator` |
//! | accounts, quota, and spending on Gemini | `accounts` |
//! | storage, and the deletion of what has expired | `store`, `retention` |
//! | HTTP | `api`, `web` |
//! | configuration, start, and operation | `serve`, `settings`, `operations` |
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

/// Hydrates a page: the entry point of the browser library.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
    app::hydrate();
}
