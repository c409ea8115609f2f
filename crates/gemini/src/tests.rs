//! The client against a server that replays what Google is known to answer.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod batches;
mod calls;
mod downloads;
mod errors;
mod models;
mod requests;
mod results;
mod section_3;
mod section_4;
mod section_6;
mod server;
mod uploads;
