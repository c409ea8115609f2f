//! The audit of the database: one query for each state that must never occur.

use async_trait::async_trait;

use super::polling::is_polling;
use super::{SqlStore, storage};
use crate::error::Result;
use crate::model::UnixMs;
use crate::operations::audit::{Audit, AuditFinding, DiscrepancyKind};
use crate::uploads::upload_key;

/// A job that has been due and unclaimed for this long is reported.
const FORGOTTEN_MS: i64 = 5 * 60_000;

/// Each query returns ids. `$1` is the instant before which a due job counts as forgotten.
const AUDITS: [(DiscrepancyKind, &str); 10] = [
    (
        DiscrepancyKind::ReservationWithoutJob,
        "SELECT r.job_id AS id FROM reservations r
         WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = r.job_id AND j.active = 1)",
    ),
    (
        DiscrepancyKind::JobWithoutReservation,
        "SELECT j.id FROM jobs j
         WHERE j.active = 1 AND NOT EXISTS (SELECT 1 FROM reservations r WHERE r.job_id = j.id)",
    ),
    (
        DiscrepancyKind::JobWithoutUpload,
        "SELECT j.id FROM jobs j
         WHERE j.active = 1 AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.hash = j.upload_hash)",
    ),
    (
        DiscrepancyKind::JobForgotten,
        concat!(
            "SELECT id FROM jobs WHERE active = 1 AND due_at < $1 AND lease_until < $1
             AND NOT (",
            is_polling!(),
            " AND (SELECT COALESCE(MAX(attended_until), 0) FROM workers) >= $1)"
        ),
    ),
    (
        DiscrepancyKind::FailedJobCharged,
        "SELECT j.id FROM jobs j
         WHERE j.status IN ('failed', 'expired')
           AND EXISTS (SELECT 1 FROM ledger l WHERE l.job_id = j.id AND l.charge > 0)",
    ),
    (
        DiscrepancyKind::PriceNotCharged,
        "SELECT d.id FROM documents d
         WHERE d.charged <> (SELECT COALESCE(SUM(l.charge), 0) FROM ledger l JOIN jobs j ON j.id = l.job_id
                             WHERE j.document_id = d.id AND j.active = 0)",
    ),
    (
        DiscrepancyKind::MoneyHeldWithoutJob,
        "SELECT DISTINCT c.job_id AS id FROM spending_commitments c
         WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = c.job_id AND j.active = 1)",
    ),
    (
        DiscrepancyKind::DocumentWithoutPages,
        "SELECT d.id FROM documents d
         WHERE d.draft = 0 AND NOT EXISTS (SELECT 1 FROM pages p WHERE p.document_id = d.id)",
    ),
    (DiscrepancyKind::StorageMiscounted, storage::AUDIT),
    // A claim that fails is repeated after two minutes.
    (DiscrepancyKind::FilesNotPurged, "SELECT DISTINCT account_id AS id FROM purges WHERE tries > 30"),
];

#[async_trait]
impl Audit for SqlStore {
    async fn audit(&self, now: UnixMs) -> Result<Vec<AuditFinding>> {
        let mut found = Vec::new();
        for (kind, query) in AUDITS {
            let mut query = sqlx::query_scalar::<_, String>(query);
            if kind == DiscrepancyKind::JobForgotten {
                query = query.bind(now.plus(-FORGOTTEN_MS).0);
            }
            let ids = query.fetch_all(&self.pool).await?;
            found.extend(ids.into_iter().map(|id| AuditFinding { kind, id }));
        }
        Ok(found)
    }

    async fn upload_keys(&self) -> Result<Vec<String>> {
        let contents = sqlx::query_as("SELECT DISTINCT account_id, content_hash FROM uploads WHERE pending = 0");
        let contents: Vec<(String, String)> = contents.fetch_all(&self.pool).await?;
        Ok(contents.iter().map(|(account_id, content_hash)| upload_key(account_id, content_hash)).collect())
    }
}
