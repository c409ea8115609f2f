//! Tests of the REST API and of the limits at the edge of the server, with ordinary and hostile callers.

pub mod attacks;
pub mod authorization;
pub mod browser_policy;
pub mod events;
pub mod formats;
pub mod reading;
pub mod rest_api;
