//! The use cases, put together: what the REST API and the web app's server functions both call.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::accounts::{Account, Accounts, Begun, Members, Storage};
use crate::accounts::{Allowances, Caller, Identity, Membership};
use crate::documents::Library;
use crate::error::{Error, Result};
use crate::jobs::Jobs;
use crate::jobs::Spending;
use crate::jobs::Submissions;
use crate::model::wire::{JobView, Prepared, Submission, Submitted, UsageReport};
use crate::model::{ApiError, ErrorCode, Mode, Quote, hex};
use crate::retention::AccountDeletion;
use crate::uploads::fetch::Fetcher;
use crate::uploads::{Incoming, Intake, ReceivedFile, Receiver, UploadPermit};
use crate::world::World;
use coldbrew_gemini::models::is_same;

/// Everything that can be asked of the product. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    pub identity: Identity,
    pub membership: Membership,
    pub deletion: AccountDeletion,
    pub allowances: Allowances,
    pub incoming: Incoming,
    pub receiver: Receiver,
    pub fetcher: Fetcher,
    pub intake: Intake,
    pub submissions: Submissions,
    pub library: Library,
    pub accounts: Arc<dyn Accounts>,
    pub members: Arc<dyn Members>,
    pub storage: Arc<dyn Storage>,
    pub jobs: Arc<dyn Jobs>,
    pub spending: Arc<dyn Spending>,
    /// Of accounts that have none of their own, in token equivalents.
    pub default_quota: u64,
    /// Answers that are kept of an account for requests with an `Idempotency-Key`.
    pub idempotency_keys_max: u32,
    pub world: Arc<dyn World>,
}

/// A request whose answer has not come for this long was cut off, and may be answered anew.
const ANSWER_WAIT_MS: i64 = 120_000;

impl Services {
    /// Fetches the file at an address, and takes it in like an upload.
    pub async fn import(&self, caller: &Caller, address: &str) -> Result<Prepared> {
        let (file, permit) = self.fetcher.fetch(caller, address, |length| self.admit_upload(caller, length)).await?;
        let prepared = self.take_in(caller, file).await?;
        drop(permit);
        Ok(prepared)
    }

    /// Reserves room for a file of that length, in bytes, before it is received; `None`: its length is not known, so the largest counts.
    ///
    /// # Errors
    /// Those of [`Incoming::admit`].
    pub async fn admit_upload(&self, caller: &Caller, length: Option<u64>) -> Result<UploadPermit> {
        let usage = self.storage.account_usage(&caller.account.id).await?;
        let bytes = length.unwrap_or(self.receiver.bytes_max);
        self.incoming.admit(caller, bytes, self.allowances.of(&caller.account), &usage)
    }

    /// Keeps a received file, if the account has room for it.
    pub async fn take_in(&self, caller: &Caller, file: ReceivedFile) -> Result<Prepared> {
        self.intake.receive(caller, file).await
    }

    /// Extracts what is asked for. With a key, a request that is sent again gets the first one's answer.
    pub async fn submit(&self, caller: &Caller, wish: Submission, key: Option<&str>) -> Result<Submitted> {
        let Some(key) = key else { return self.submit_within(caller, wish).await };
        let account = &caller.account;
        let digest = hex(&Sha256::digest(serde_json::to_vec(&wish).map_err(Error::internal)?));
        let now = self.world.now();
        let stale = now.plus(-ANSWER_WAIT_MS);
        match self.members.begin(&account.id, key, &digest, now, stale, self.idempotency_keys_max).await? {
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
        self.slow_down(&caller.account).await?;
        self.submissions.retry(caller, id, mode).await
    }

    async fn submit_within(&self, caller: &Caller, wish: Submission) -> Result<Submitted> {
        if wish.ai_transform {
            self.slow_down(&caller.account).await?;
        }
        self.submissions.submit(caller, wish).await
    }

    /// Refuses a second document at a time to an account of whose pages most come back refused or empty: they cost money all the same.
    async fn slow_down(&self, account: &Account) -> Result<()> {
        if !self.spending.answers_on(&account.id, self.world.now().day()).await?.slow_down()
            || self.storage.account_usage(&account.id).await?.active_jobs == 0
        {
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
        if self.library.documents.unread(&account.id, &job.draft_id).await?.is_some() {
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
