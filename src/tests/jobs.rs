//! Jobs from submission to their end, with failures in between.

pub mod chunks;
pub mod crash;
pub mod day;
pub mod drafts;
pub mod drains;
pub mod ends;
pub mod gemini;
pub mod journey;
pub mod leaving;
pub mod listings;
pub mod lost_creates;
pub mod polling;
pub mod purges;
pub mod rereads;
pub mod set_aside;
mod shards;
pub mod slow_dependencies;
pub mod soak;
pub mod workers;
