//! The tests whose computing takes long. They need neither the pages nor HTTP, without which the optimising takes less time than it saves.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod environment;
mod lost;
mod memory;
mod simulation;
