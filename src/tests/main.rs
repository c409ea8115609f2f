//! Integration tests in one binary: the real router and worker against the emulator over HTTP, and the rules of the architecture.
//!
//! Each folder is a subject. [`support`] has shared helpers, [`conformance`] tests every adapter of a port, and [`simulation`] runs workers
//! through seeded schedules of failures.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod conformance;
mod http;
mod jobs;
mod money;
mod ops;
mod pdf;
mod rules;
mod simulation;
mod support;
mod web;
