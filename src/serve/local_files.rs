//! Purges the files on this machine that no process uses any more. Jobs purge their own: see [`crate::jobs::Worker`].

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::parts::Parts;
use crate::clock::Clock;
use crate::uploads::{Blobs, Receiver};

/// Between two rounds.
const ROUND: Duration = Duration::from_secs(3_600);

/// Received files of processes that have ended, and the cache of the store of files.
pub(super) struct LocalFiles {
    receiver: Receiver,
    blobs: Arc<dyn Blobs>,
    clock: Arc<dyn Clock>,
}

impl LocalFiles {
    pub(super) fn of(parts: &Parts, receiver: Receiver) -> Self {
        Self { receiver, blobs: parts.blobs.clone(), clock: parts.time.clock.clone() }
    }

    /// Purges at the start, and every hour until `stop`.
    pub(super) async fn run(self, stop: CancellationToken) {
        let rounds = async {
            loop {
                for purged in [self.receiver.purge().await, self.blobs.purge_incomplete(self.clock.now()).await] {
                    if let Err(error) = purged {
                        tracing::warn!(%error, "files on this machine not purged");
                    }
                }
                self.clock.sleep(ROUND).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = rounds => {}
        }
    }
}
