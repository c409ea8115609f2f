//! The client against a server that replays answers of Google.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod batch_envelopes;
mod batches;
mod calls;
mod downloads;
mod error_table;
mod errors;
mod models;
mod requests;
mod result_files;
mod result_lines;
mod server;
mod uploads;
