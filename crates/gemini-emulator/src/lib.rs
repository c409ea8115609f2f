//! A stand-in for the Gemini Developer API: files, batches, models and single calls over HTTP, so faithful that Google's own
//! libraries cannot tell. It really reads the pages it is sent, by a [`PageReader`] that it is given.
//!
//! Everything it knows is on disk in one folder, so it can be killed and started again while batches are under way. Time
//! comes from a [`Clock`] that tests move, and faults that the real service is known to have can be switched on, both by
//! `/_control`, which exists only when it is enabled and only for callers on this machine.
//!
//! | module | what it is |
//! |---|---|
//! | `routes` | which address is answered by which of `uploads`, `files`, `batches`, `models`, `generate`, `control` |
//! | `schema`, `line` | the fields that Google knows; a request with any other is refused |
//! | `caller`, `reply` | what all requests and all answers have in common: key, version, headers, errors |
//! | `batch`, `file` | what is remembered of a batch and a file, and how they are shown at a certain time |
//! | `work` | reads a batch's requests one by one and writes its output |
//! | `answer` | from a request to a response: `accept` refuses it, `media` reads what is sent with it, `figures`, `tokens` |
//! | `faults`, `clock`, `store` | what can go wrong, what time it is, what is on disk |
//!
//! It must not be used for anything of value: any key is good, and nothing is protected.

#![warn(unreachable_pub, clippy::missing_errors_doc, clippy::missing_panics_doc)]

mod accept;
mod answer;
mod batch;
mod batches;
mod caller;
mod clock;
mod control;
mod emulator;
mod faults;
mod figures;
mod file;
mod files;
mod generate;
mod line;
mod media;
mod models;
mod quota;
mod reader;
mod reply;
mod routes;
mod rows;
mod sample;
mod schema;
mod store;
mod tokens;
mod uploads;
mod work;

pub use batch::{BatchRow, Look, Phase, Written};
pub use clock::{Clock, SystemClock};
pub use emulator::{Emulator, EmulatorConfig};
pub use faults::Fault;
pub use reader::{PageReader, ReadError};
pub use routes::{router, serve};

#[cfg(test)]
mod tests;

/// The example in the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
