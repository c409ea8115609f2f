//! Quota use and receipts of an account.

use std::sync::Arc;

use super::{Account, Accounts};
use crate::error::Result;
use crate::model::wire::UsageReport;
use coldbrew_gemini::models::is_same_model;

/// Reads quota use and receipts. Cheap to clone.
#[derive(Clone)]
pub struct Quota {
    pub accounts: Arc<dyn Accounts>,
    /// The quota of accounts that have none of their own, in token equivalents.
    pub default_tokens: u64,
}

impl Quota {
    /// Used, reserved and remaining tokens, and all receipts, newest first.
    ///
    /// # Errors
    /// The errors of [`Accounts`].
    pub async fn usage(&self, account: &Account) -> Result<UsageReport> {
        let usage = self.accounts.usage(account, self.default_tokens).await?;
        let mut receipts = self.accounts.receipts(&account.id).await?;
        for receipt in &mut receipts {
            // Only a model other than the requested one is of interest; a revision of the same model is not.
            receipt.answered_by.retain(|name| !name.is_empty() && !is_same_model(&receipt.model, name));
        }
        Ok(UsageReport { usage, receipts })
    }
}
