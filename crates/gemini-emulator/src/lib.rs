//! An emulator of the Gemini Developer API: files, batches, models and single calls over HTTP.
//!
//! `docs/GEMINI.md` in the repository describes the wire contract and the faults. The libraries of Google run against the emulator
//! unchanged. The emulator reads pages with a [`PageReader`], and answers with their text.
//!
//! Its state is on disk in one folder, so it can be killed and restarted while batches run. Time comes from a [`Clock`]. Through
//! `/_control`, tests move the clock and switch on known faults of Google. `/_control` must be enabled, and serves only callers on this
//! machine.
//!
//! | module | content |
//! |---|---|
//! | `routes` | the paths and their handlers in `uploads`, `files`, `batches`, `models`, `generate`, `control` |
//! | `schema`, `line` | the known fields; a request with any other field is refused |
//! | `caller`, `reply` | common parts of requests and replies: key, version, headers, errors |
//! | `batch`, `file` | the stored rows of batches and files, and their JSON at a given time |
//! | `runner`, `rows` | runs the requests of a batch and writes its output |
//! | `answer` | turns a request into a response, with `validate`, `media`, `figures`, `sample` and `tokens` |
//! | `content` | the faults that follow from the text of a page, with `recitation`, `loops` and `markup` |
//! | `flex` | the tier of service of a single call |
//! | `quota` | the limits of storage, enqueued tokens and requests |
//! | `faults`, `clock`, `store` | faults to switch on, the time, the rows on disk |
//!
//! The emulator accepts any key and protects nothing. Do not use it for anything of value.

#![warn(unreachable_pub, clippy::missing_errors_doc, clippy::missing_panics_doc)]

mod answer;
mod batch;
mod batches;
mod caller;
mod clock;
mod content;
mod control;
mod emulator;
mod faults;
mod figures;
mod file;
mod files;
mod flex;
mod generate;
mod line;
mod loops;
mod markup;
mod media;
mod models;
mod quota;
mod reader;
mod recitation;
mod reply;
mod routes;
mod rows;
mod runner;
mod sample;
mod schema;
mod store;
mod tokens;
mod uploads;
mod validate;

pub use batch::{BatchRow, Phase, RowCounts, ShowOptions};
pub use clock::{Clock, SystemClock};
pub use emulator::{Emulator, EmulatorConfig};
pub use faults::{Fault, FaultMix};
pub use reader::{PageReader, ReadError};
pub use routes::{router, serve};

#[cfg(test)]
mod tests;

/// The example in the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
