//! A client of the Gemini Developer API: files, batches, and single calls.
//!
//! `docs/GEMINI.md` in the repository describes the wire contract. The client resumes uploads and restarts downloads by itself. Every
//! other call sends one request and returns an [`Error`] if it fails. [`ErrorKind`] says what to do about the error. The client never
//! repeats a call that could create something twice. It accepts unknown fields and states, and keeps the raw JSON.
//!
//! | module | content |
//! |---|---|
//! | [`Client`] | the calls, one file for each kind: `upload`, `download`, `files`, `batches`, `generate`; `store` remembers what they refused |
//! | [`Error`] | what failed and what to do; `envelope` and `retry_after` parse the error body |
//! | [`Batch`], [`File`] | the resources that Google returns |
//! | [`Request`] | the request for one page, the same in a batch line and in a single call |
//! | [`Answer`] | the response, the same in a result line and from a single call |
//! | [`jsonl`] | reads and writes the files of a batch, in bounded memory |
//! | [`models`] | the abilities and prices of each model, and when they change |

#![warn(unreachable_pub, clippy::missing_errors_doc, clippy::missing_panics_doc)]

mod batch;
mod batches;
mod client;
mod download;
mod envelope;
mod error;
mod file;
mod files;
mod generate;
pub mod jsonl;
pub mod lenient;
pub mod models;
mod request;
mod response;
mod retry_after;
mod store;
mod upload;

pub use batch::{Batch, BatchPage, BatchState, BatchStats};
pub use client::{Client, Config, Timeouts};
pub use envelope::Status;
pub use error::{Error, ErrorKind, Quota};
pub use file::{File, FilePage, FileState};
pub use generate::{ModelInfo, TokenCount};
pub use request::{
    GenerationConfig, INLINE_BYTES_MAX, MediaResolution, PDF_BYTES_MAX, Part, Request, RequestError, SafetySetting,
    ServiceTier, Store, ThinkingConfig, ThinkingLevel,
};
pub use response::{Answer, Usage};
pub use upload::{FILE_BYTES_MAX, UploadSpec};

#[cfg(test)]
mod tests;

/// The example in the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
