//! What an account has used of its quota, and what it was charged for.

use std::sync::Arc;

use super::{Account, Accounts};
use crate::error::Result;
use crate::model::wire::UsageReport;
use coldbrew_gemini::models::is_same_model;

/// The quotas of all accounts. Cheap to clone.
#[derive(Clone)]
pub struct Quota {
    pub accounts: Arc<dyn Accounts>,
    /// Of accounts that have none of their own, in token equivalents.
    pub default_tokens: u64,
}

impl Quota {
    /// What the account has used, what is reserved and left, and what it was charged for.
    pub async fn usage(&self, account: &Account) -> Result<UsageReport> {
        let usage = self.accounts.usage(account, self.default_tokens).await?;
        let mut receipts = self.accounts.receipts(&account.id).await?;
        for receipt in &mut receipts {
            // A model that calls itself by its own name, with or without a revision, is no news.
            receipt.answered_by.retain(|name| !name.is_empty() && !is_same_model(&receipt.model, name));
        }
        Ok(UsageReport { usage, receipts })
    }
}
