//! Tests that hot queries search an index, according to SQLite's query plan. The table is in the module above.

#![allow(clippy::unwrap_used)]

use sqlx::{AssertSqlSafe, Row};

use super::{SqlStore, accounts, documents, jobs, storage, tracking};

const SERVED_BY: [(&str, &str); 9] = [
    (jobs::CLAIM, "jobs_due"),
    (jobs::CLAIM_REMOTE, "jobs_remote_due"),
    (jobs::ACTIVE, "one_active_job_per_content"),
    (jobs::LATEST, "jobs_by_content"),
    (tracking::TRACKED, "jobs_by_content"),
    (jobs::OPEN, "jobs_open"),
    (storage::USAGE, "jobs_open"),
    (documents::LIST, "documents_by_account"),
    (accounts::BY_CREDENTIAL, "sqlite_autoindex_credentials_1"),
];

#[tokio::test]
async fn hot_query_planned_searches_its_index_and_scans_no_table() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = SqlStore::open(&SqlStore::embedded_url(&folder.path().join("a.db"))).await.unwrap();
    for (sql, index) in SERVED_BY {
        let explained = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
        let rows = explained.fetch_all(&store.pool).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.try_get("detail").unwrap()).collect();
        assert!(plan.iter().any(|step| step.starts_with("SEARCH") && step.contains(index)), "{sql}: {plan:#?}");
        // The view of the clock has one row and no table.
        let of_clock = ["SCAN clock", "SCAN CONSTANT ROW"];
        let is_scan = |step: &String| step.starts_with("SCAN") && !of_clock.contains(&step.as_str());
        assert!(!plan.iter().any(is_scan), "{sql}: {plan:#?}");
    }
}
