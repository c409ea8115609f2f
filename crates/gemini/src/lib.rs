//! A client of the Gemini Developer API: files, batches, and single calls, exactly as they are on the wire.
//!
//! It knows nothing of what it is used for. It never repeats a call that could make something twice: only uploads and
//! downloads, whose protocols are made for it, go on by themselves after a fault. Everything else is one request and an
//! [`Error`] whose [`ErrorKind`] says what to do about it. Unknown fields and states are tolerated, and the raw JSON is kept.
//!
//! | module | what it is |
//! |---|---|
//! | [`Client`] | the calls; one file per kind of call: `upload`, `download`, `files`, `batches`, `generate` |
//! | [`Error`] | what went wrong and what to do; `envelope` and `hint` read Google's own words |
//! | [`Batch`], [`File`] | what Google says of them |
//! | [`Request`] | what is asked for one page, the same in a batch line and in a single call |
//! | [`Answer`] | what came back, the same in a result line and from a single call |
//! | [`jsonl`] | the files of requests and of results, in bounded memory |
//! | [`models`] | what each model can and costs |

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
mod hint;
pub mod jsonl;
pub mod lenient;
pub mod models;
mod request;
mod response;
mod upload;

pub use batch::{Batch, BatchPage, BatchState, BatchStats};
pub use client::{Client, Config, Timeouts};
pub use envelope::Status;
pub use error::{Error, ErrorKind, Quota};
pub use file::{File, FilePage, FileState};
pub use generate::{ModelInfo, TokenCount};
pub use request::{
    GenerationConfig, INLINE_BYTES_MAX, MediaResolution, PDF_BYTES_MAX, Part, Request, RequestFault, SafetySetting,
    ThinkingConfig, ThinkingLevel,
};
pub use response::{Answer, Usage};
pub use upload::{FILE_BYTES_MAX, UploadSpec};

#[cfg(test)]
mod tests;

/// The example in the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
