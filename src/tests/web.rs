//! Accounts and their pages.

pub mod access;
pub mod accounts;
mod merge;
pub mod operators;
pub mod provider;
mod sessions;
mod tokens;
