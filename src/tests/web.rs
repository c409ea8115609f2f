//! Accounts and the pages for them.

pub mod accounts;
pub mod provider;
