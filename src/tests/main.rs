//! Integration tests, one binary: the real router and worker against the emulator over HTTP, and the rules of the architecture.
//!
//! Each folder is a subject. [`support`] has what they share; [`conformance`] holds every adapter to its port; [`simulation`] runs
//! workers against failures by seed.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod conformance;
mod http;
mod jobs;
mod ops;
mod pdf;
mod rules;
mod simulation;
mod support;
mod web;
