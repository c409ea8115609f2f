//! The page engine: opens PDFs and reads their pages. A hostile file cannot harm the server.
//!
//! The server process never parses a PDF. [`Engine::open`] starts a process for each document: this program, run as `coldbrew
//! page-worker`. The process loads what it needs, enters a sandbox, and then gets the document as a descriptor. The parent limits the
//! time of each answer, and a death signal ends the process with its parent. A page that hangs or crashes the engine is one failed page.
//! A new process reads the other pages.
//!
//! | module | what it is |
//! | |---|---|
//! | | [`Engine`], [`Document`] | the parent's side, which the rest of the server uses |
//! | | `permits` | the number of workers, and the order in which requests get them |
//! | | `process`, `spares` | one worker process; the processes that are started ahead |
//! | | `protocol`, `answers` | the frames that parent and worker exchange; the checks of a reply |
//! | | `sandbox` | the layers that confine a process, and which of them are required |
//! | | [`worker`] | the worker's side: loads, enters the sandbox, answers |
//! | | `text` | pure: positioned characters to Markdown |
//! | | [`figures`] | pure: boxes of a detector to figures in reading order |
//! | | `testing` | PDFs made by code, for tests; with the feature of that name |
//!
//! This crate does not depend on accounts, jobs or storage. It logs neither text nor file names.

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

pub use document::{
    BOOKMARKS_MAX, Bookmark, Document, FigureImage, Info, LABEL_CHARS_MAX, PageFigures, PageLength, PageLooks, PageText,
};
pub use engine::{Engine, EngineConfig};
pub use error::{DocumentFault, PageFault, PdfError};
pub use permits::{Priority, Requester, WorkerTime};
pub use sandbox::{SandboxLayers, SandboxPolicy};
pub use worker::detector::{DetectorSpec, Family, Runtime};

/// The example in the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
