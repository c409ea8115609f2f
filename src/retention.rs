//! Purges what has expired: idle guests, unused uploads and old secrets. Deletes the files that no record refers to any more.
//!
//! [`AccountMerge`] moves a guest's things into the account that its browser signs in to. [`AccountDeletion`] deletes one account, for
//! callers, operators and the purge. The ports are [`Expiry`] for records and [`Purges`] for files. The purge deletes no upload that an
//! active job needs: each is checked again under the lock of its account. `crate::jobs` reaps resources at Google.

mod account;
mod deleted;
mod merge;
mod purges;
mod store;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::accounts::{PasswordAttempts, days_before};
use crate::clock::Clock;
use crate::error::Result;
use crate::metrics::LoopAges;
use crate::model::UnixMs;
use crate::settings::Settings;
use crate::uploads::{Blobs, Uploads};

pub use account::AccountDeletion;
pub use deleted::DeletedAccounts;
pub use merge::{AccountMerge, MergeOutcome, MergeParties, Merges, StoredFile};
pub use purges::{Purge, Purges};
pub use store::Expiry;

/// Between two rounds.
const ROUND: Duration = Duration::from_secs(3_600);
/// How many guests, uploads or accounts are listed at a time.
const LISTED_MAX: u32 = 500;
/// How long a server waits before it looks for due purges again.
const PURGES_EVERY: Duration = Duration::from_secs(5);
/// An upload that no caller was told of for so long was interrupted between its record and its file.
const PENDING_MS: i64 = 3_600_000;
/// How long the answer to a request with an `Idempotency-Key` is kept.
const ANSWER_DAYS: u32 = 1;

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
    pub purges: Arc<dyn Purges>,
    pub uploads: Arc<dyn Uploads>,
    pub blobs: Arc<dyn Blobs>,
    pub clock: Arc<dyn Clock>,
    pub retention: Retention,
    pub loops: LoopAges,
}

impl Purger {
    /// Purges what has expired every hour, and files as soon as they are recorded, until `stop`. A later round repeats what a failed round
    /// did not do.
    pub async fn run(self, stop: CancellationToken) {
        self.loops.expect("purge", ROUND);
        self.loops.expect("purge of files", PURGES_EVERY);
        let rounds = async {
            loop {
                self.loops.beat("purge");
                if let Err(error) = self.round().await {
                    tracing::warn!(%error, "purge failed");
                }
                tokio::time::sleep(ROUND).await;
            }
        };
        let files = async {
            loop {
                if let Err(error) = self.purge_files().await {
                    tracing::warn!(%error, "files not deleted yet");
                }
                tokio::time::sleep(PURGES_EVERY).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = async { tokio::join!(rounds, files); } => {}
        }
    }

    /// Deletes the records of everything that has expired, and records the purge of its files.
    ///
    /// # Errors
    /// The database cannot be reached. The round ends at the first error.
    pub async fn round(&self) -> Result<()> {
        let now = self.clock.now();
        if self.retention.guest_days > 0 {
            let before = days_before(now, self.retention.guest_days);
            while self.purge_guests(before).await? {}
        }
        if self.retention.upload_days > 0 {
            let before = days_before(now, self.retention.upload_days);
            while self.purge_uploads(before, now).await? {}
        }
        while self.purge_pending(now.plus(-PENDING_MS), now).await? {}
        self.expiry.adopt_purges().await?;
        self.attempts.purge().await?;
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

    /// Deletes the records of unused uploads. Returns whether there may be more. An upload that is used again since it was listed is kept,
    /// and is not listed again.
    async fn purge_uploads(&self, before: UnixMs, now: UnixMs) -> Result<bool> {
        let contents = self.expiry.stale_uploads(before, LISTED_MAX).await?;
        for (account_id, content_hash) in &contents {
            self.expiry.forget_upload(account_id, content_hash, before, now).await?;
        }
        Ok(contents.len() == LISTED_MAX as usize)
    }

    /// Deletes the records of uploads that no caller was told of. Returns whether there may be more.
    async fn purge_pending(&self, before: UnixMs, now: UnixMs) -> Result<bool> {
        let uploads = self.expiry.pending_uploads(before, LISTED_MAX).await?;
        for upload in &uploads {
            self.uploads.remove_upload(upload, now).await?;
        }
        Ok(uploads.len() == LISTED_MAX as usize)
    }
}
