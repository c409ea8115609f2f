//! Merging a guest into a member.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use coldbrew_pdf::figures::Figure;
use sqlx::AnyConnection;

use super::columns::Column;
use super::credentials::is_granted;
use super::locks::{lock_account, lock_stored_bytes};
use super::{SqlStore, purges, storage};
use crate::accounts::Grant;
use crate::crash::crash_point;
use crate::error::Result;
use crate::markdown::FigureId;
use crate::model::UnixMs;
use crate::model::wire::GuestSummary;
use crate::retention::{MergeOutcome, MergeParties, Merges, StoredFile};

/// Titles that the sign-in form names.
const TITLES_MAX: usize = 3;

/// What the guest has in its library, newest first.
const MADE: &str = "SELECT id, title FROM documents WHERE account_id = $1 AND draft = 0
    UNION ALL SELECT j.document_id AS id, j.title FROM jobs j WHERE j.account_id = $1 AND j.active = 1
        AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = j.document_id AND d.draft = 0)
    ORDER BY 1 DESC";

/// Moves jobs, and the rows that workers write under the lock of a job. `$1` is the guest, `$2` the member.
///
/// The claims of active jobs end, so that no worker continues with the guest's account. Their leases stay. A job is claimed again when
/// its lease expires, as after the death of a worker. Open requests to Google have ended by then.
const MOVES: [&str; 7] = [
    "UPDATE jobs SET account_id = $2, version = version + 1, fence = fence + active WHERE account_id = $1",
    "UPDATE documents SET account_id = $2 WHERE account_id = $1",
    "UPDATE page_results SET account_id = $2 WHERE account_id = $1",
    "UPDATE reservations SET account_id = $2 WHERE account_id = $1",
    "UPDATE ledger SET account_id = $2 WHERE account_id = $1",
    "UPDATE spending SET account_id = $2 WHERE account_id = $1",
    "UPDATE spending_commitments SET account_id = $2 WHERE account_id = $1",
];

/// Moves the rows that name files. Uploads are written under the lock of the account, and figures under that of its stored bytes.
const MOVES_OF_FILES: [&str; 2] = [
    "UPDATE uploads SET account_id = $2 WHERE account_id = $1",
    "UPDATE page_figures SET account_id = $2 WHERE account_id = $1",
];

#[async_trait]
impl Merges for SqlStore {
    async fn guest_summary(&self, guest_id: &str) -> Result<GuestSummary> {
        let made: Vec<(String, String)> = sqlx::query_as(MADE).bind(guest_id).fetch_all(&self.pool).await?;
        let titles = made.iter().take(TITLES_MAX).map(|(_, title)| title.clone()).collect();
        Ok(GuestSummary { documents: made.len(), titles })
    }

    async fn files_of(&self, account_id: &str) -> Result<BTreeMap<StoredFile, UnixMs>> {
        files_of(&mut *self.pool.acquire().await?, account_id).await
    }

    async fn begin_copies(&self, account_id: &str, contents: &BTreeSet<&str>, now: UnixMs) -> Result<()> {
        let mut tx = self.write().await?;
        lock_account(&mut tx, account_id).await?;
        for content_hash in contents {
            purges::postpone(&mut tx, account_id, content_hash, now).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn merge(
        &self,
        parties: &MergeParties<'_>,
        copied: &BTreeSet<StoredFile>,
        now: UnixMs,
    ) -> Result<MergeOutcome> {
        let (guest_id, member_id) = (parties.guest_id, parties.member_id);
        let mut tx = self.write().await?;
        if !lock_parties(&mut tx, parties, now).await? {
            return Ok(MergeOutcome::SessionEnded);
        }
        // The mirror in Redis publishes the contents again, with their new account.
        let sql = "INSERT INTO gone_contents (content_hash, gone_at)
                   SELECT DISTINCT content_hash, CAST($2 AS BIGINT) FROM jobs WHERE account_id = $1
                   ON CONFLICT (content_hash) DO UPDATE SET gone_at = excluded.gone_at";
        sqlx::query(sql).bind(guest_id).bind(now.0).execute(&mut *tx).await?;
        for statement in MOVES {
            sqlx::query(statement).bind(guest_id).bind(member_id).execute(&mut *tx).await?;
        }
        crash_point("merge", "jobs moved");
        lock_stored_bytes(&mut tx, guest_id).await?;
        let files = files_of(&mut tx, guest_id).await?;
        // Dropping the transaction rolls it back.
        if files.keys().any(|file| !copied.contains(file)) {
            return Ok(MergeOutcome::NewFiles);
        }
        let contents: BTreeSet<&str> = files.keys().map(StoredFile::content_hash).collect();
        for content_hash in &contents {
            purges::keep_copy(&mut tx, member_id, content_hash).await?;
        }
        for statement in MOVES_OF_FILES {
            sqlx::query(statement).bind(guest_id).bind(member_id).execute(&mut *tx).await?;
        }
        let sql = "SELECT bytes FROM storage WHERE account_id = $1";
        let bytes: i64 = sqlx::query_scalar(sql).bind(guest_id).fetch_one(&mut *tx).await?;
        storage::add(&mut tx, member_id, bytes).await?;
        delete_guest(&mut tx, guest_id, now).await?;
        crash_point("merge", "guest deleted");
        tx.commit().await?;
        crash_point("merge", "committed");
        Ok(MergeOutcome::Merged(contents.into_iter().map(str::to_owned).collect()))
    }
}

/// Locks both accounts. Checks that each is of its kind, is not disabled and has a valid session. The order of the ids is the order of
/// the locks, so that no two merges block each other.
async fn lock_parties(connection: &mut AnyConnection, parties: &MergeParties<'_>, now: UnixMs) -> Result<bool> {
    let (guest, member) = (parties.guest_id, parties.member_id);
    for id in [guest.min(member), guest.max(member)] {
        if !lock_account(connection, id).await? {
            return Ok(false);
        }
    }
    let sql = "SELECT COUNT(*) FROM accounts WHERE disabled_at IS NULL AND
               ((id = $1 AND email IS NULL) OR (id = $2 AND email IS NOT NULL))";
    let of_their_kind: i64 = sqlx::query_scalar(sql).bind(guest).bind(member).fetch_one(&mut *connection).await?;
    Ok(of_their_kind == 2
        && is_granted(connection, guest, Grant::Credential(parties.guest_session), now).await?
        && is_granted(connection, member, Grant::Credential(parties.member_session), now).await?)
}

async fn files_of(connection: &mut AnyConnection, account_id: &str) -> Result<BTreeMap<StoredFile, UnixMs>> {
    let sql = "SELECT content_hash, MAX(created_at) FROM uploads WHERE account_id = $1 GROUP BY content_hash";
    let uploads: Vec<(String, i64)> = sqlx::query_as(sql).bind(account_id).fetch_all(&mut *connection).await?;
    let mut files: BTreeMap<_, _> =
        uploads.into_iter().map(|(content_hash, at)| (StoredFile::Upload(content_hash), UnixMs(at))).collect();
    let sql = "SELECT content_hash, page_index, figures FROM page_figures WHERE account_id = $1 AND missed = 0";
    for row in &sqlx::query(sql).bind(account_id).fetch_all(connection).await? {
        let (content_hash, page) = (String::read(row, "content_hash")?, u32::read(row, "page_index")?);
        let figures = Vec::<Figure>::read(row, "figures")?.len();
        let ids = (0..figures).map(|figure| FigureId::new(&content_hash, page, figure));
        files.extend(ids.map(|figure| (StoredFile::Figure(figure), UnixMs(0))));
    }
    Ok(files)
}

/// Deletes the guest with its sessions and tokens. The purger deletes its files.
async fn delete_guest(connection: &mut AnyConnection, guest_id: &str, now: UnixMs) -> Result<()> {
    purges::record_account(connection, guest_id, now).await?;
    sqlx::query("DELETE FROM accounts WHERE id = $1").bind(guest_id).execute(connection).await?;
    Ok(())
}
