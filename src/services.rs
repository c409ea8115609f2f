//! The use cases, put together: what the REST API and the web app's server functions both call.

use std::sync::Arc;

use crate::accounts::Identity;
use crate::batch::Submissions;
use crate::error::Result;
use crate::extract::Intake;
use crate::gemini::models::is_same;
use crate::library::Library;
use crate::model::ApiError;
use crate::model::wire::{JobView, Submission, Submitted, UsageReport};
use crate::store::{Account, Accounts, Jobs};

/// Everything that can be asked of the product. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    pub identity: Identity,
    pub intake: Intake,
    pub submissions: Submissions,
    pub library: Library,
    pub accounts: Arc<dyn Accounts>,
    pub jobs: Arc<dyn Jobs>,
    /// Of accounts that have none of their own, in token equivalents.
    pub default_quota: u64,
}

impl Services {
    /// The newest job for this content of the account.
    pub async fn job(&self, account: &Account, content_hash: &str) -> Result<JobView> {
        let found = self.jobs.latest(&account.id, content_hash).await?;
        Ok(found.ok_or_else(|| ApiError::not_found("batch"))?)
    }

    /// The account's job of that id.
    pub async fn extraction(&self, account: &Account, id: &str) -> Result<JobView> {
        let found = self.jobs.job(&account.id, id).await?;
        Ok(found.ok_or_else(|| ApiError::not_found("extraction"))?)
    }

    /// Submits the newest job for this content once more, as a batch or in realtime.
    pub async fn try_again(&self, account: &Account, content_hash: &str, batch: bool) -> Result<Submitted> {
        let job = self.job(account, content_hash).await?;
        let wish = Submission {
            hash: job.upload_hash,
            title: Some(job.title),
            pages: Some(job.pages.iter().collect()),
            ai_transform: true,
            batch_mode: batch,
        };
        self.submissions.submit(account, wish).await
    }

    /// Takes what failed of this content off the account's lists.
    pub async fn dismiss(&self, account: &Account, content_hash: &str) -> Result<()> {
        self.jobs.dismiss(&account.id, content_hash).await
    }

    /// What the account has used, what is reserved and left, and what it was charged for.
    pub async fn usage(&self, account: &Account) -> Result<UsageReport> {
        let usage = self.accounts.usage(account, self.default_quota).await?;
        let mut receipts = self.accounts.receipts(&account.id).await?;
        for receipt in &mut receipts {
            // A model that calls itself by its own name, with or without a revision, is no news.
            receipt.answered_by.retain(|name| !name.is_empty() && !is_same(&receipt.model, name));
        }
        Ok(UsageReport { usage, receipts })
    }
}
