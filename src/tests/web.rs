//! Accounts and their pages.

pub mod accounts;
mod merge;
pub mod provider;
mod sessions;
mod tokens;
