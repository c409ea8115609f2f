//! Moves everything of a guest into the account that the guest's browser signs in to.
//!
//! Files are copied first. Then all rows move in one transaction, and the purger deletes the guest's files. So no row names a missing
//! file, and a failure changes nothing. Copies are on record, so the purger deletes those of a failed merge.

mod port;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::accounts::{Credentials, digest};
use crate::changes::Changes;
use crate::clock::Clock;
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::model::wire::GuestSummary;
use crate::model::{ErrorCode, UnixMs};
use crate::uploads::Blobs;

pub use port::{MergeOutcome, MergeParties, Merges, StoredFile};

/// How many rounds of copying are made for files that are added meanwhile.
const ROUNDS_MAX: usize = 5;
/// An upload is recorded before its file is stored. A file that is still missing after this time is lost.
const UPLOAD_MS_MAX: i64 = 10 * 60_000;

/// Merges a guest into a member. Cheap to clone.
#[derive(Clone)]
pub struct AccountMerge {
    pub credentials: Arc<dyn Credentials>,
    pub merges: Arc<dyn Merges>,
    pub blobs: Arc<dyn Blobs>,
    /// Notifies open pages of both accounts.
    pub changes: Changes,
    pub clock: Arc<dyn Clock>,
}

impl AccountMerge {
    /// What this guest has in its library, for the sign-in form.
    ///
    /// # Errors
    /// The errors of [`Merges`].
    pub async fn summary(&self, guest_id: &str) -> Result<GuestSummary> {
        self.merges.guest_summary(guest_id).await
    }

    /// Moves everything from the guest of one session to the member of the other. Deletes the guest with its sessions and tokens. Both
    /// secrets prove that the caller owns both accounts. Running jobs continue in the member's account. Does nothing if the first session
    /// is not a guest's.
    /// # Errors
    /// `unauthenticated` if a session ends meanwhile; `unavailable` if the guest is still uploading. Otherwise the errors of the ports.
    pub async fn merge(&self, guest_secret: &str, member_secret: &str) -> Result<()> {
        let (guest_session, member_session) = (digest(guest_secret), digest(member_secret));
        let now = self.clock.now();
        let guest = self.credentials.session(&guest_session, now).await?;
        let Some(guest) = guest.filter(|session| !session.signed_in) else { return Ok(()) };
        let member = self.credentials.session(&member_session, now).await?;
        let member = member.filter(|session| session.signed_in).ok_or_else(session_ended)?;
        let parties = MergeParties {
            guest_id: &guest.account_id,
            guest_session: &guest_session,
            member_id: &member.account_id,
            member_session: &member_session,
        };
        let mut copied = BTreeSet::new();
        for _ in 0..ROUNDS_MAX {
            self.copy_files(&parties, &mut copied, now).await?;
            match self.merges.merge(&parties, &copied, now).await? {
                MergeOutcome::Merged(contents) => {
                    self.tell(&parties, &contents);
                    return Ok(());
                }
                MergeOutcome::NewFiles => {}
                MergeOutcome::SessionEnded => return Err(session_ended()),
            }
        }
        Err(still_uploading())
    }

    /// Copies the guest's files that are not `copied` yet.
    async fn copy_files(
        &self,
        parties: &MergeParties<'_>,
        copied: &mut BTreeSet<StoredFile>,
        now: UnixMs,
    ) -> Result<()> {
        let files = self.merges.files_of(parties.guest_id).await?;
        let missing: Vec<_> = files.into_iter().filter(|(file, _)| !copied.contains(file)).collect();
        let contents: BTreeSet<&str> = missing.iter().map(|(file, _)| file.content_hash()).collect();
        self.merges.begin_copies(parties.member_id, &contents, now).await?;
        for (file, recorded_at) in missing {
            let found = self.blobs.copy(&file.key(parties.guest_id), &file.key(parties.member_id)).await?;
            if !found && recorded_at.plus(UPLOAD_MS_MAX) > now {
                return Err(still_uploading());
            }
            copied.insert(file);
            crash_point("merge", "file copied");
        }
        Ok(())
    }

    fn tell(&self, parties: &MergeParties<'_>, contents: &[String]) {
        tracing::info!(guest = parties.guest_id, account = parties.member_id, "guest merged into account");
        self.changes.tell_credentials_ended(parties.guest_id);
        for content_hash in contents {
            self.changes.tell(parties.member_id, content_hash);
        }
    }
}

fn session_ended() -> Error {
    Error::refused(ErrorCode::Unauthenticated, "This browser's session has ended. Reload the page and sign in again.")
}

fn still_uploading() -> Error {
    let message = "A file is still being uploaded in this browser. Wait until it is there, then sign in again.";
    Error::refused(ErrorCode::Unavailable, message)
}
