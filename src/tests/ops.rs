//! What the operator of a server sees and does.

pub mod doctor;
pub mod failures;
pub mod manual;
pub mod operating;
pub mod redis;
pub mod traces;
pub mod versions;
