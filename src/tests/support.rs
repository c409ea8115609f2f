//! Helpers for tests: servers, processes, external services and in-memory stores.

pub mod environment;
pub mod harness;
pub mod line;
pub mod memory;
pub mod processes;
pub mod services;
