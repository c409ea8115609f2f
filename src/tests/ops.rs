//! Operation of a server: commands, logs, traces, dependencies that fail.

pub mod backups;
pub mod doctor;
pub mod failures;
pub mod health;
pub mod manual;
pub mod operating;
pub mod pooler;
pub mod redis;
pub mod rolling;
pub mod silence;
pub mod traces;
pub mod versions;
