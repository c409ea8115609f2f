//! The REST API and the edge of the server, for friends and for attackers.

pub mod attacks;
pub mod authorization;
pub mod browser_policy;
pub mod events;
pub mod formats;
pub mod reading;
pub mod rest_api;
