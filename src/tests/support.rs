//! What tests share: servers, processes, services beside them, and stores in memory.

pub mod environment;
pub mod harness;
pub mod memory;
pub mod processes;
pub mod services;
