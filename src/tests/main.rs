//! Integration tests, one binary: the real router and worker against the emulator over HTTP, and the rules of the house.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accounts;
mod aside;
mod conformance;
mod contract;
mod crash;
mod doctor;
mod drafts;
mod ends;
mod events;
mod failures;
mod figures;
mod formats;
mod harness;
mod hostile;
mod http;
mod journey;
mod leaving;
mod lost;
mod manual;
mod memory;
mod operating;
mod pdf;
mod processes;
mod reading;
mod redis;
mod rules;
mod security;
mod services;
mod sign_in;
mod simulation;
mod soak;
mod strangers;
mod versions;
mod workers;
