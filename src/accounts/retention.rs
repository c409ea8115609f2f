//! Forgets what nobody comes back for: guests who stay away, uploads that nothing was made of, secrets that have expired, and what came
//! into the folders of accounts after they were deleted.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Membership;
use super::membership::days_before;
use crate::error::Result;
use crate::store::{Blobs, Members, Uploads, upload_key};
use crate::world::World;

/// Between two rounds.
const ROUND: Duration = Duration::from_secs(3_600);
/// Guests and contents that one round forgets, so that no round takes long.
const ROUND_MAX: u32 = 500;
/// When the folders of a deleted account are emptied once more: no worker goes on with its jobs for that long.
const GONE_FOR_MS: i64 = 10 * 60_000;
/// How long the answer to a request with an `Idempotency-Key` is kept.
const ANSWER_DAYS: u32 = 1;

/// How long things are kept, in days; 0 is for ever.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Guests who open no page and make nothing.
    pub guest_days: u32,
    /// Uploads of which no document was made.
    pub upload_days: u32,
}

/// See the module.
#[derive(Clone)]
pub struct Janitor {
    pub membership: Membership,
    pub store: Arc<dyn Members>,
    pub uploads: Arc<dyn Uploads>,
    pub blobs: Arc<dyn Blobs>,
    pub world: Arc<dyn World>,
    pub retention: Retention,
}

impl Janitor {
    /// Goes round until `stop`. A round that fails is made up for by the next.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "what has expired could not be removed");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    /// Forgets what is due.
    pub async fn round(&self) -> Result<()> {
        let now = self.world.now();
        if self.retention.guest_days > 0 {
            let before = days_before(now, self.retention.guest_days);
            for id in self.store.idle_guests(before, ROUND_MAX).await? {
                self.membership.delete_account(&id).await?;
            }
        }
        if self.retention.upload_days > 0 {
            let before = days_before(now, self.retention.upload_days);
            for (account_id, content_hash) in self.store.stale_uploads(before, ROUND_MAX).await? {
                if self.store.forget_upload(&account_id, &content_hash, before).await? {
                    let key = upload_key(&account_id, &content_hash);
                    self.uploads.unless_kept(&account_id, &content_hash, self.blobs.delete(&key)).await?;
                }
            }
        }
        for id in self.store.gone_accounts(now.plus(-GONE_FOR_MS), ROUND_MAX).await? {
            self.membership.delete_files(&id).await?;
            self.store.forget_gone_account(&id).await?;
        }
        self.membership.attempts.purge().await?;
        self.blobs.tidy().await?;
        self.store.forget_expired(days_before(now, ANSWER_DAYS), now).await
    }
}
