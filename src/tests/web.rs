//! Accounts and their pages.

pub mod access;
pub mod accounts;
pub mod operators;
pub mod provider;
