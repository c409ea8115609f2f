//! The use cases, put together: what the REST API and the web app's server functions both call.

mod allowance;

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::accounts::{Caller, Identity, Membership, hex};
use crate::batch::Submissions;
use crate::error::{Error, Result};
use crate::extract::{Intake, ReceivedFile, Receiver};
use crate::fetch::Fetcher;
use crate::gemini::models::is_same;
use crate::library::Library;
use crate::model::wire::{JobView, Prepared, Submission, Submitted, UsageReport};
use crate::model::{ApiError, ErrorCode, Mode, Quote};
use crate::store::{Account, Accounts, Begun, Holdings, Jobs, Members, Spending};
use crate::world::World;

pub use allowance::Allowance;

/// Everything that can be asked of the product. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    pub identity: Identity,
    pub membership: Membership,
    pub allowance: Allowance,
    pub receiver: Receiver,
    pub fetcher: Fetcher,
    pub intake: Intake,
    pub submissions: Submissions,
    pub library: Library,
    pub accounts: Arc<dyn Accounts>,
    pub members: Arc<dyn Members>,
    pub jobs: Arc<dyn Jobs>,
    pub spending: Arc<dyn Spending>,
    /// Of accounts that have none of their own, in token equivalents.
    pub default_quota: u64,
    pub world: Arc<dyn World>,
}

/// A request whose answer has not come for this long was cut off, and may be answered anew.
const ANSWER_WAIT_MS: i64 = 120_000;

impl Services {
    /// Fetches the file at an address, and takes it in like an upload.
    pub async fn import(&self, account: &Account, address: &str) -> Result<Prepared> {
        let file = self.fetcher.fetch(address).await?;
        self.take_in(account, file).await
    }

    /// Keeps a received file, if the account has room for it.
    pub async fn take_in(&self, account: &Account, file: ReceivedFile) -> Result<Prepared> {
        let held = self.members.holdings(&account.id).await?;
        self.allowance.admits_file(&held, file.size)?;
        self.intake.receive(account, file).await
    }

    /// Extracts what is asked for. With a key, a request that is sent again gets the first one's answer.
    pub async fn submit(&self, caller: &Caller, wish: Submission, key: Option<&str>) -> Result<Submitted> {
        let Some(key) = key else { return self.submit_within(caller, wish).await };
        let account = &caller.account;
        let digest = hex(&Sha256::digest(serde_json::to_vec(&wish).map_err(Error::internal)?));
        let now = self.world.now();
        match self.members.begin(&account.id, key, &digest, now, now.plus(-ANSWER_WAIT_MS)).await? {
            Begun::Answered(answer) => serde_json::from_str(&answer).map_err(Error::internal),
            Begun::Running => {
                let words = "The first request with this Idempotency-Key is being answered. Send it again in a moment.";
                Err(Error::refused(ErrorCode::RequestInProgress, words))
            }
            Begun::Differs => {
                let words = "This Idempotency-Key was used for another request. Use a new key for each request.";
                Err(Error::refused(ErrorCode::IdempotencyKeyReused, words))
            }
            Begun::First => {
                let submitted = self.submit_within(caller, wish).await;
                match &submitted {
                    Ok(answer) => {
                        let answer = serde_json::to_string(answer).map_err(Error::internal)?;
                        self.members.finish(&account.id, key, &answer).await?;
                    }
                    Err(_) => self.members.abandon(&account.id, key).await?,
                }
                submitted
            }
        }
    }

    /// Reads the failed pages of a document again.
    pub async fn retry(&self, caller: &Caller, id: &str, mode: Mode) -> Result<Submitted> {
        let held = self.members.holdings(&caller.account.id).await?;
        self.allowance.admits_retry(&held)?;
        self.slow_down(&caller.account, &held).await?;
        self.submissions.retry(caller, id, mode).await
    }

    async fn submit_within(&self, caller: &Caller, wish: Submission) -> Result<Submitted> {
        let held = self.members.holdings(&caller.account.id).await?;
        self.allowance.admits_work(&held)?;
        if wish.ai_transform {
            self.slow_down(&caller.account, &held).await?;
        }
        self.submissions.submit(caller, wish).await
    }

    /// Refuses a second document at a time to an account of whose pages most come back refused or empty: they cost money all the same.
    async fn slow_down(&self, account: &Account, held: &Holdings) -> Result<()> {
        if held.active_jobs == 0 || !self.spending.answers_on(&account.id, self.world.now().day()).await?.slow_down() {
            return Ok(());
        }
        let words = "Most of your pages could not be read today, so your documents are read one after the other. Wait for the one before.";
        Err(Error::refused(ErrorCode::LimitReached, words))
    }

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

    /// What reading the failed pages of a document again costs.
    pub async fn retry_quote(&self, account: &Account, id: &str) -> Result<Quote> {
        self.submissions.retry_quote(account, id).await
    }

    /// Submits the newest job for this content once more, as a batch or in realtime. What was to fill the holes of a document still does.
    pub async fn try_again(&self, caller: &Caller, content_hash: &str, batch: bool) -> Result<Submitted> {
        let account = &caller.account;
        let job = self.job(account, content_hash).await?;
        if self.submissions.documents.unread(&account.id, &job.draft_id).await?.is_some() {
            return self.retry(caller, &job.draft_id, if batch { Mode::Batch } else { Mode::Realtime }).await;
        }
        let wish = Submission {
            hash: job.upload_hash,
            title: Some(job.title),
            pages: Some(job.pages.iter().collect()),
            ai_transform: true,
            batch_mode: batch,
        };
        self.submit_within(caller, wish).await
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
