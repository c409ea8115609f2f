//! The emulator over HTTP: what it answers to the client, and to those who look closer.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod create;
mod figures;
mod lab;
mod outputs;
mod schema;
mod singles;
mod time;
mod uploads;
mod wire;
