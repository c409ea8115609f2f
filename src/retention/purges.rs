//! Deletes files that no record refers to any more. The transaction that deleted the records has recorded a [`Purge`].

use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::Purger;
use crate::clock::Moment;
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::model::UnixMs;
use crate::uploads::{account_folders, figure_folder, upload_key};

/// How long a claim holds. It is much longer than a deletion, because the measured times of servers differ a little.
const CLAIM_MS: i64 = 120_000;
/// How long after its claim a deletion may begin or run.
const DELETION_MAX: Duration = Duration::from_secs(30);
/// A purge is carried out once more this long after it was recorded. By then no worker works on a deleted job, and no upload whose
/// answer was lost arrives.
const LATE_MS: i64 = 10 * 60_000;

/// Files to be deleted, claimed by this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    pub account_id: String,
    /// Empty: all files of the account, which was deleted.
    pub content_hash: String,
    pub recorded_at: UnixMs,
    /// When the claim ends. The purge is due again then.
    pub due_at: UnixMs,
}

/// The port of purges.
///
/// # Errors
/// A method fails as unavailable or internal if the store cannot carry it out.
#[async_trait]
pub trait Purges: Send + Sync {
    /// Claims the purge that has been due longest, until `until`. While a content's purge is claimed, no upload and no copy of the content
    /// is admitted. A due purge whose content is used is removed, and so is one when its content is uploaded again.
    async fn claim_purge(&self, now: UnixMs, until: UnixMs) -> Result<Option<Purge>>;

    /// Ends the claim of a purge whose files are deleted. Removes it, or makes it due again at `again_at`. Does nothing if the claim has
    /// ended or the files were recorded again.
    async fn purged(&self, purge: &Purge, again_at: Option<UnixMs>) -> Result<()>;
}

impl Purger {
    /// Carries out all due purges. Repeating one is harmless.
    ///
    /// # Errors
    /// The database or the store of files cannot be reached. The purge that failed is due again when its claim ends, because its deletion
    /// may still take effect until then.
    pub async fn purge_files(&self) -> Result<()> {
        loop {
            self.loops.beat("purge of files");
            let (claiming, now) = (self.clock.moment(), self.clock.now());
            let Some(purge) = self.purges.claim_purge(now, now.plus(CLAIM_MS)).await? else { return Ok(()) };
            crash_point("purge", "claimed");
            self.delete_files(&purge, claiming).await?;
            crash_point("purge", "deleted");
            let late = purge.recorded_at.plus(LATE_MS);
            self.purges.purged(&purge, (now < late).then_some(late)).await?;
            crash_point("purge", "done");
        }
    }

    /// Deletes the files, one request after the other.
    async fn delete_files(&self, purge: &Purge, claiming: Moment) -> Result<()> {
        let Purge { account_id, content_hash, .. } = purge;
        let [uploads, figures] = if content_hash.is_empty() {
            account_folders(account_id)
        } else {
            [upload_key(account_id, content_hash), figure_folder(account_id, content_hash)]
        };
        let deletions: [BoxFuture<'_, Result<()>>; 2] = match content_hash.is_empty() {
            true => [self.blobs.delete_all(&uploads).boxed(), self.blobs.delete_all(&figures).boxed()],
            false => [self.blobs.delete(&uploads).boxed(), self.blobs.delete_all(&figures).boxed()],
        };
        for deletion in deletions {
            // The process may have been stopped, or its machine suspended, since the claim.
            if self.clock.passed_since(claiming) > DELETION_MAX {
                return Err(Error::unavailable("this process was stopped during a purge"));
            }
            let deleted = tokio::time::timeout(DELETION_MAX, deletion).await;
            deleted.map_err(|_| Error::unavailable("deleting files takes too long"))??;
        }
        Ok(())
    }
}
