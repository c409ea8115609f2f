//! Files in the page engine.

pub mod engine;
pub mod figures;
pub mod hostile;
