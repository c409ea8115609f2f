//! Tests of the page engine with real workers, in one binary. They need the libraries, models and odd files that `scripts/setup test`
//! fetches.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod documents;
mod figures;
mod harness;
mod hostile;
mod misbehaving;
mod sandbox;
mod workers;
