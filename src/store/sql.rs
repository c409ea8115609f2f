//! Records in SQLite (the embedded default) or PostgreSQL, with one SQL text for both. All SQL of the project is below here.
//!
//! What both understand is kept to: `$1` parameters, TEXT and BIGINT, `RETURNING`, `ON CONFLICT`, partial indexes, and sums
//! cast to BIGINT. Every writing transaction begins by taking its lock, so that none can fail half-way for having read first.
//!
//! Each query of a hot path searches an index. `plans.rs` holds them to this table:
//!
//! | query | index |
//! |---|---|
//! | claim due jobs | `jobs_due`: lane and due instant of active jobs |
//! | active job of a content, before another one is accepted | `one_active_job_per_content` |
//! | status of a content's newest job, in a page or by an API client | `jobs_by_content` |
//! | jobs of an account's list; its active jobs and pages | `jobs_open`: jobs that have not succeeded |
//! | documents of an account's list | `documents_by_account` |
//! | account of a credential | primary keys |

mod accounts;
mod audit;
mod builder;
mod columns;
mod complete;
mod contents;
mod credentials;
mod documents;
mod figures;
mod idempotency;
mod jobs;
mod locks;
mod members;
mod migrations;
mod operations;
mod orphans;
mod outlines;
#[cfg(test)]
mod plans;
mod retention;
mod sign_ins;
mod spending;
mod storage;
mod tracking;
mod uploads;

use std::path::Path;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyConnection, AnyPool, Connection, Executor, Transaction};

use crate::error::{Error, Result};
use crate::model::ErrorCode;
use columns::{from_row, page_indices, storable, to_db, to_json};

/// What this program knows of the data: see `migrations/0071_format.sql`.
const FORMAT: i64 = 1;

/// How long a statement waits for another writer of SQLite before it gives up.
const SQLITE_SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 15000; \
                               PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;";

/// A process that stands still in the middle of its transactions must not keep their locks from those who take over its work, nor
/// be given, one after the other, those it waits for.
const POSTGRES_SETTINGS: &str = "SET idle_in_transaction_session_timeout = '5s'; SET lock_timeout = '10s'";

/// A database of ours, migrated. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqlStore {
    pool: AnyPool,
    /// How the few words that the two databases do not share are said.
    sqlite: bool,
}

impl SqlStore {
    /// Opens the database at `sqlite://…` or `postgres://…` and brings it up to date.
    pub async fn open(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let sqlite = url.starts_with("sqlite:");
        let pool = AnyPoolOptions::new()
            .max_connections(if sqlite { 4 } else { 16 })
            // A writer of SQLite waits for others; a server that does not answer is not worth a person's wait.
            .acquire_timeout(Duration::from_secs(if sqlite { 20 } else { 5 }))
            // SQLite is no other process that could have gone since.
            .test_before_acquire(!sqlite)
            .after_connect(move |connection: &mut AnyConnection, _| {
                Box::pin(async move {
                    connection.execute(if sqlite { SQLITE_SETTINGS } else { POSTGRES_SETTINGS }).await?;
                    Ok(())
                })
            })
            .before_acquire(|connection: &mut AnyConnection, _| {
                // A transaction that could not be committed, on a full disk, is still open in the driver's eyes though the
                // database has given it up. No other could begin on that connection ever again.
                Box::pin(async move { Ok(!connection.is_in_transaction()) })
            })
            .connect(url)
            .await?;
        let mut migrations = migrations::all()?;
        // A newer server may have added what this one does not know, and need not: it still may be started again.
        migrations.set_ignore_missing(true).run(&pool).await.map_err(Error::internal)?;
        let store = Self { pool, sqlite };
        store.see_that_it_is_understood().await?;
        store.catch_up_statuses().await?;
        Ok(store)
    }

    /// Refuses data that a newer server has changed beyond what this one reads.
    async fn see_that_it_is_understood(&self) -> Result<()> {
        let needed: i64 = sqlx::query_scalar("SELECT MAX(needed) FROM format").fetch_one(&self.pool).await?;
        if needed <= FORMAT {
            return Ok(());
        }
        let words = "a newer Coldbrew has changed this data, and this one would misread it: start the newer one, or restore a backup";
        Err(Error::internal(words))
    }

    /// The URL of the embedded database at that path.
    pub fn embedded_url(file: &Path) -> String {
        format!("sqlite://{}?mode=rwc", file.display())
    }

    /// Begins a transaction that will write.
    ///
    /// In a task of its own: whoever waits for it may give up half-way, because a lease was lost or a caller has gone. The driver
    /// would not know then that the connection is in a transaction, and what others wrote on it would never be committed.
    async fn write(&self) -> Result<Transaction<'static, Any>> {
        let (pool, begin) = (self.pool.clone(), if self.sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" });
        let begun = tokio::spawn(async move { pool.begin_with(begin).await });
        Ok(begun.await.map_err(Error::internal)??)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Closes all connections; pending transactions end first.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A database that is away is not a fault of ours; anything else it says is.
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        let away = match &error {
            E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => true,
            E::Database(database) => database.code().is_some_and(|code| is_away(&code)),
            _ => false,
        };
        // A text with a NUL, which only a caller can have made: PostgreSQL knows none.
        if matches!(&error, E::Database(database) if database.code().as_deref() == Some("22021")) {
            return Self::refused(ErrorCode::InvalidRequest, "The request holds a character that no text may have.");
        }
        if away { Self::unavailable(error) } else { Self::internal(error) }
    }
}

/// Whether a database's code says that it is away, or short of something.
fn is_away(code: &str) -> bool {
    // PostgreSQL's have five characters: connection, transaction cut off, resources, locks, operator intervention.
    if code.len() == 5 {
        return ["08", "25P03", "53", "55P03", "57"].iter().any(|class| code.starts_with(class));
    }
    // SQLite's are numbers whose low byte is the kind: busy, no memory, read-only, I/O error, full, cannot be opened.
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 7 | 8 | 10 | 13 | 14))
}

#[cfg(test)]
mod tests {
    use super::is_away;

    #[test]
    fn what_passes_is_told_from_faults_of_ours() {
        for code in ["5", "517", "10", "778", "13", "14", "08006", "53100", "57P01", "25P03"] {
            assert!(is_away(code), "{code}");
        }
        for code in ["1", "19", "2067", "23505", "42601", "22021", ""] {
            assert!(!is_away(code), "{code}");
        }
    }
}
