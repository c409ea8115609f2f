//! The emulator over HTTP, called by the client and by plain requests.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod content;
mod creates_and_polls;
mod figures;
mod harness;
mod lifecycle;
mod outputs;
mod schema;
mod single_calls;
mod tiers;
mod uploads;
mod wire;
