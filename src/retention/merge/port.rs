//! The port of account merges.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::error::Result;
use crate::markdown::FigureId;
use crate::model::UnixMs;
use crate::model::wire::GuestSummary;
use crate::uploads::{figure_key, upload_key};

/// The two accounts of a merge, and the digests of the sessions that prove their owner.
#[derive(Clone, Copy, Debug)]
pub struct MergeParties<'a> {
    pub guest_id: &'a str,
    pub guest_session: &'a str,
    pub member_id: &'a str,
    pub member_session: &'a str,
}

/// A file of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoredFile {
    /// The file of this content.
    Upload(String),
    /// The picture of a figure.
    Figure(FigureId),
}

impl StoredFile {
    pub fn content_hash(&self) -> &str {
        match self {
            Self::Upload(content_hash) => content_hash,
            Self::Figure(figure) => &figure.content_hash,
        }
    }

    /// Its key in the folders of an account.
    pub fn key(&self, account_id: &str) -> String {
        match self {
            Self::Upload(content_hash) => upload_key(account_id, content_hash),
            Self::Figure(figure) => figure_key(account_id, figure),
        }
    }
}

/// What became of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeOutcome {
    /// All rows have moved, with these contents.
    Merged(Vec<String>),
    /// Nothing has moved: the guest has files that were not copied.
    NewFiles,
    /// Nothing has moved: one of the sessions has ended, or is of the wrong kind.
    SessionEnded,
}

/// Moves the rows of accounts.
///
/// # Errors
/// Every method fails with `unavailable` if the store cannot be reached, and with `internal` if the store fails otherwise.
#[async_trait]
pub trait Merges: Send + Sync {
    /// How many documents the guest has, with those that a job will fill, and the titles of the newest.
    async fn guest_summary(&self, guest_id: &str) -> Result<GuestSummary>;

    /// The files of an account, with the instant at which the last upload of each was recorded. It is 0 for a figure, whose picture is
    /// stored before it is recorded.
    async fn files_of(&self, account_id: &str) -> Result<BTreeMap<StoredFile, UnixMs>>;

    /// Records that files of these contents are being copied into the folders of the account. They are purged after a day, unless they are
    /// used by then.
    ///
    /// # Errors
    /// `unavailable` also if files of an earlier copy are being deleted.
    async fn begin_copies(&self, account_id: &str, contents: &BTreeSet<&str>, now: UnixMs) -> Result<()>;

    /// Moves everything from the guest to the member, and deletes the guest, in one transaction. Ledger rows move as well, so that the
    /// member's quota counts them. The claims of running jobs end as if their worker had died.
    async fn merge(
        &self,
        parties: &MergeParties<'_>,
        copied: &BTreeSet<StoredFile>,
        now: UnixMs,
    ) -> Result<MergeOutcome>;
}
