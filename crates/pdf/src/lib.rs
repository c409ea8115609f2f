//! The page engine: opens PDFs and answers what is on a page, without letting a hostile file hurt the server.
//!
//! No PDF is ever parsed in the server process. [`Engine::open`] gives each document a process of its own (our own
//! binary, started as `coldbrew page-worker`). The process loads what it needs, enters a sandbox and is then given the document as a
//! descriptor. The parent limits each answer by wall clock, and a death signal ends the process with its parent. A page that hangs or
//! crashes the engine is one failed page; the document goes on in a fresh process.
//!
//! | module | what it is |
//! |---|---|
//! | [`Engine`], [`Document`] | the parent's side: what the rest of the server uses |
//! | `permits` | how many workers there may be, and whose turn it is |
//! | `process`, `spares` | one worker process: start it, ask it, kill it; those started ahead |
//! | `protocol`, `answers` | the frames that parent and worker exchange; what the parent believes of a reply |
//! | `sandbox` | the layers that confine a process, and which of them must hold |
//! | [`worker`] | the worker's side: loads, enters the sandbox, answers |
//! | `text` | pure: positioned characters to Markdown |
//! | [`figures`] | pure: boxes that a detector saw to figures in reading order |
//! | `testing` | PDFs made by code, for tests; with the feature of that name |
//!
//! This module knows nothing of accounts, jobs or storage, and it logs neither text nor file names.

#![warn(unreachable_pub, clippy::missing_errors_doc, clippy::missing_panics_doc)]

mod answers;
mod document;
mod engine;
mod error;
pub mod figures;
mod launcher;
mod permits;
mod process;
mod protocol;
mod sandbox;
mod spares;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod title;
pub mod worker;

pub use document::{Document, FigureImage, Info, PageLength, PageText};
pub use engine::{Engine, EngineConfig};
pub use error::{DocumentFault, PageFault, PdfError};
pub use permits::{Priority, Requester, WorkerTime};
pub use sandbox::{SandboxLayers, SandboxPolicy};
pub use worker::detector::{DetectorSpec, Family, Runtime};

/// The example in the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
