//! Accounts and their pages.

pub mod accounts;
pub mod provider;
