//! Purges what has expired: idle guests, unused uploads, old secrets, and files that reached the folders of a deleted account late.
//!
//! [`AccountMerge`] moves a guest's things into the account that its browser signs in to. [`AccountDeletion`] deletes one account, for callers, operators and the purge. [`Expiry`] is the port. The purge deletes no upload that
//! an active job needs: each is checked again under the lock of its account. `crate::jobs` reaps resources at Google.

mod account;
mod deleted;
mod merge;
mod store;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use tokio_util::sync::CancellationToken;

use crate::accounts::{PasswordAttempts, days_before};
use crate::clock::Clock;
use crate::error::Result;
use crate::metrics::LoopAges;
use crate::model::UnixMs;
use crate::settings::Settings;
use crate::uploads::{Blobs, Uploads, delete_content, figure_folder, upload_key};

pub use account::AccountDeletion;
pub use deleted::DeletedAccounts;
pub use merge::{AccountMerge, MergeOutcome, MergeParties, Merges, StoredFile};
pub use store::Expiry;

/// Between two rounds.
const ROUND: Duration = Duration::from_secs(3_600);
/// How many guests, uploads or accounts are listed at a time.
const LISTED_MAX: u32 = 500;
/// How long after an account's deletion its folders are emptied again. No worker still works on its jobs by then.
const GONE_FOR_MS: i64 = 10 * 60_000;
/// How long the answer to a request with an `Idempotency-Key` is kept.
const ANSWER_DAYS: u32 = 1;
/// How long files that were copied for a merge are kept when the merge did not happen.
const COPY_DAYS: u32 = 1;

/// How long data is kept, in days; 0: for ever.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Guests who open no page and submit nothing.
    pub guest_days: u32,
    /// Uploads without a document or a job.
    pub upload_days: u32,
}

impl Retention {
    /// Reads the settings.
    pub fn read(from: &mut Settings) -> Self {
        Self {
            guest_days: from.value("retention.guest-days", "COLDBREW_GUEST_DAYS", 90),
            upload_days: from.value("retention.upload-days", "COLDBREW_UPLOAD_DAYS", 7),
        }
    }
}

/// Purges what has expired, round after round.
#[derive(Clone)]
pub struct Purger {
    pub deletion: AccountDeletion,
    pub attempts: PasswordAttempts,
    pub expiry: Arc<dyn Expiry>,
    pub merges: Arc<dyn Merges>,
    pub uploads: Arc<dyn Uploads>,
    pub blobs: Arc<dyn Blobs>,
    pub clock: Arc<dyn Clock>,
    pub retention: Retention,
    pub loops: LoopAges,
}

impl Purger {
    /// Purges every hour until `stop`. The next round repeats what a failed round did not do.
    pub async fn run(self, stop: CancellationToken) {
        self.loops.expect("purge", ROUND);
        loop {
            self.loops.beat("purge");
            let round = async {
                if let Err(error) = self.round().await {
                    tracing::warn!(%error, "purge failed");
                }
                tokio::time::sleep(ROUND).await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = round => {}
            }
        }
    }

    /// Purges everything that has expired.
    ///
    /// # Errors
    /// The database or the store of files cannot be reached. The round ends at the first error.
    pub async fn round(&self) -> Result<()> {
        let now = self.clock.now();
        if self.retention.guest_days > 0 {
            let before = days_before(now, self.retention.guest_days);
            while self.purge_guests(before).await? {}
        }
        if self.retention.upload_days > 0 {
            let before = days_before(now, self.retention.upload_days);
            while self.purge_uploads(before).await? {}
        }
        while self.purge_gone_accounts(now.plus(-GONE_FOR_MS)).await? {}
        while self.purge_copies(days_before(now, COPY_DAYS)).await? {}
        self.attempts.purge().await?;
        self.blobs.purge_incomplete().await?;
        self.expiry.forget_expired(days_before(now, ANSWER_DAYS), now).await
    }

    /// Deletes idle guests. Returns whether there may be more. A deleted guest is not listed again, so the purge ends.
    async fn purge_guests(&self, before: UnixMs) -> Result<bool> {
        let ids = self.expiry.idle_guests(before, LISTED_MAX).await?;
        for id in &ids {
            self.deletion.delete(id).await?;
        }
        Ok(ids.len() == LISTED_MAX as usize)
    }

    /// Deletes unused uploads. Returns whether there may be more. An upload that is used again since it was listed is kept, and is not
    /// listed again.
    async fn purge_uploads(&self, before: UnixMs) -> Result<bool> {
        let contents = self.expiry.stale_uploads(before, LISTED_MAX).await?;
        for (account_id, content_hash) in &contents {
            if let Some(figures) = self.expiry.forget_upload(account_id, content_hash, before).await? {
                let deletion = delete_content(&*self.blobs, account_id, content_hash, &figures).boxed();
                self.uploads.unless_kept(account_id, content_hash, deletion).await?;
            }
        }
        Ok(contents.len() == LISTED_MAX as usize)
    }

    /// Empties the folders of deleted accounts again. Returns whether there may be more.
    async fn purge_gone_accounts(&self, before: UnixMs) -> Result<bool> {
        let ids = self.expiry.gone_accounts(before, LISTED_MAX).await?;
        for id in &ids {
            self.deletion.delete_files(id).await?;
            self.expiry.forget_gone_account(id).await?;
        }
        Ok(ids.len() == LISTED_MAX as usize)
    }

    /// Deletes files that were copied for a merge that did not happen. Returns whether there may be more.
    async fn purge_copies(&self, before: UnixMs) -> Result<bool> {
        let copies = self.merges.stale_copies(before, LISTED_MAX).await?;
        for (account_id, content_hash) in &copies {
            let deletion = async {
                self.blobs.delete(&upload_key(account_id, content_hash)).await?;
                self.blobs.delete_all(&figure_folder(account_id, content_hash)).await
            };
            self.uploads.unless_kept(account_id, content_hash, deletion.boxed()).await?;
            self.merges.forget_copy(account_id, content_hash).await?;
        }
        Ok(copies.len() == LISTED_MAX as usize)
    }
}
