//! Records in SQLite (the default) or PostgreSQL, with one SQL text for both. All SQL of this project is in this module.
//!
//! The SQL keeps to what both databases support: `$1` parameters, TEXT and BIGINT, `RETURNING`, `ON CONFLICT`, partial indexes, and sums
//! cast to BIGINT. Its time is `(SELECT now_ms FROM clock)`, a view of the database's clock: due times and leases are computed from it. A transaction that writes takes its write lock when it begins, because a later upgrade could fail.
//!
//! Each hot query must search an index. `plans.rs` tests this table:
//!
//! | query | index |
//! |---|---|
//! | claim due jobs of this machine | `jobs_due`: lane and due instant of active jobs |
//! | claim due jobs with a task at Google | `jobs_remote_due`: due instant of jobs that do not wait for their batch |
//! | active job of a content, before another one is accepted | `one_active_job_per_content` |
//! | status of a content's newest job, in a page or by an API client | `jobs_by_content` |
//! | jobs of an account's list; its active jobs and pages | `jobs_open`: jobs that have not succeeded |
//! | documents of an account's list | `documents_by_account` |
//! | account of a credential | primary keys |

mod accounts;
mod attempts;
mod audit;
mod builder;
mod columns;
mod complete;
mod contents;
mod credentials;
mod documents;
mod driver;
mod figures;
mod idempotency;
mod jobs;
mod locks;
mod members;
mod merges;
mod migrate;
mod migrations;
mod operations;
mod operators;
mod orphans;
mod outlines;
#[cfg(test)]
mod plans;
mod polling;
mod purges;
mod retention;
mod sign_ins;
mod spending;
mod storage;
mod structures;
mod tracking;
mod uploads;

use std::path::Path;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyConnection, AnyPool, Connection, Executor, Transaction};
use strum::EnumString;
use url::Url;

use crate::error::{Error, Result};
use crate::model::ErrorCode;
use crate::settings::Settings;
use columns::{from_row, page_indices, storable, to_db, to_json};
pub use migrations::ALL as MIGRATIONS;

/// The newest data format that this program reads: see `migrations/0071_format.sql`.
const FORMAT: i64 = 1;

/// `busy_timeout` is how long a statement waits for another writer, in milliseconds.
const SQLITE_SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 15000; \
                               PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;";

/// How a process uses the database.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseSettings {
    /// The most connections of this process. One more checks statements without an answer.
    pub connections_max: u32,
    pub pooler: Pooler,
    /// Whether a process that starts runs the missing migrations. Otherwise it does not start without them.
    pub migrates: bool,
}

/// What is between this process and PostgreSQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Pooler {
    #[default]
    None,
    /// A pooler that gives each transaction another connection, such as `PgBouncer`. Migrations cannot run through it.
    Transaction,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self { connections_max: 4, pooler: Pooler::None, migrates: true }
    }
}

impl DatabaseSettings {
    /// Reads the settings.
    pub fn read(from: &mut Settings) -> Self {
        let usual = Self::default();
        let (key, variable) = ("storage.database-connections-max", "COLDBREW_DATABASE_CONNECTIONS_MAX");
        Self {
            connections_max: from.positive(key, variable, usual.connections_max),
            pooler: from.value("storage.database-pooler", "COLDBREW_DATABASE_POOLER", usual.pooler),
            migrates: from.value("storage.migrate-at-start", "COLDBREW_MIGRATE_AT_START", usual.migrates),
        }
    }
}

/// A database with all migrations applied. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqlStore {
    pool: AnyPool,
    /// Whether it is SQLite, for the few statements that differ.
    sqlite: bool,
}

impl SqlStore {
    /// Opens the database at `sqlite://…` or `postgres://…` with the default settings.
    ///
    /// # Errors
    /// As [`Self::open_with`].
    pub async fn open(url: &str) -> Result<Self> {
        Self::open_with(url, &DatabaseSettings::default()).await
    }

    /// Opens the database at `sqlite://…` or `postgres://…`.
    ///
    /// # Errors
    /// `unavailable` if the database does not answer; `internal` if a migration fails or is missing, or the data has a newer format.
    pub async fn open_with(url: &str, settings: &DatabaseSettings) -> Result<Self> {
        let sqlite = url.starts_with("sqlite:");
        let pooled = settings.pooler == Pooler::Transaction && !sqlite;
        let pool = pool(url, sqlite, pooled, settings.connections_max).await?;
        let migrations = migrations::parsed(MIGRATIONS, sqlite)?;
        if settings.migrates && !pooled {
            migrate::apply(&pool, sqlite, &migrations).await?;
        } else {
            migrate::check(&pool, &migrations).await?;
        }
        let store = Self { pool, sqlite };
        store.check_format().await?;
        store.catch_up_statuses().await?;
        Ok(store)
    }

    /// Runs the missing ones of these migrations, each the name of a file without its ending, and its SQL: usually [`MIGRATIONS`].
    ///
    /// # Errors
    /// `unavailable` if the database does not answer; `internal` if a migration fails.
    pub async fn migrate(url: &str, migrations: &[(&'static str, &'static str)]) -> Result<()> {
        let sqlite = url.starts_with("sqlite:");
        let pool = pool(url, sqlite, false, 1).await?;
        let migrated = migrate::apply(&pool, sqlite, &migrations::parsed(migrations, sqlite)?).await;
        pool.close().await;
        migrated
    }

    /// Makes the databases of this module known to sqlx's `Any`. Only the first call has an effect, and `sqlx::any::install_default_drivers`
    /// must not be called as well.
    pub fn install_drivers() {
        driver::install();
    }

    /// Refuses data in a newer format than this program reads.
    async fn check_format(&self) -> Result<()> {
        let needed: i64 = sqlx::query_scalar("SELECT MAX(needed) FROM format").fetch_one(&self.pool).await?;
        if needed <= FORMAT {
            return Ok(());
        }
        let message = "a newer Coldbrew has changed this data, and this one would misread it: start the newer one, or restore a backup";
        Err(Error::internal(message))
    }

    /// Whether the database is SQLite, in this process.
    pub const fn is_embedded(&self) -> bool {
        self.sqlite
    }

    /// The URL of the SQLite database at this path.
    pub fn embedded_url(file: &Path) -> String {
        format!("sqlite://{}?mode=rwc", file.display())
    }

    /// Begins a transaction that will write.
    ///
    /// It begins in a task of its own, because the caller may be cancelled while it waits. The driver would then not know that the
    /// connection is in a transaction, and later writes on it would never be committed.
    async fn write(&self) -> Result<Transaction<'static, Any>> {
        let (pool, begin) = (self.pool.clone(), if self.sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" });
        let transaction = tokio::spawn(async move { pool.begin_with(begin).await });
        Ok(transaction.await.map_err(Error::internal)??)
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    /// `unavailable` if it does not.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Closes all connections after their transactions end.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

async fn pool(url: &str, sqlite: bool, pooled: bool, connections_max: u32) -> Result<AnyPool> {
    driver::install();
    let mut url = Url::parse(url).map_err(Error::internal)?;
    if pooled {
        url.query_pairs_mut().append_pair(driver::POOLER, "transaction");
    }
    let pool = AnyPoolOptions::new()
        .max_connections(connections_max)
        // A writer of SQLite waits for other writers. People should not wait long for a PostgreSQL server that does not answer.
        .acquire_timeout(Duration::from_secs(if sqlite { 20 } else { 5 }))
        // SQLite runs in this process, so a connection to it does not break.
        .test_before_acquire(!sqlite)
        .after_connect(move |connection: &mut AnyConnection, _| {
            Box::pin(async move {
                if sqlite {
                    connection.execute(SQLITE_SETTINGS).await?;
                }
                Ok(())
            })
        })
        .before_acquire(|connection: &mut AnyConnection, _| {
            // When a commit fails on a full disk, the database ends the transaction but the driver still counts it as open. Such a
            // connection could never begin another one.
            Box::pin(async move { Ok(!connection.is_in_transaction()) })
        });
    Ok(pool.connect(url.as_str()).await?)
}

/// `unavailable` for a database that does not answer or lacks resources, `internal` for all other errors.
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        let unavailable = match &error {
            E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => true,
            E::Database(database) => database.code().is_some_and(|code| is_unavailable(&code)),
            _ => false,
        };
        // PostgreSQL does not store NUL in a text. Only a caller can have sent one.
        if matches!(&error, E::Database(database) if database.code().as_deref() == Some("22021")) {
            return Self::refused(ErrorCode::InvalidRequest, "The request holds a character that no text may have.");
        }
        if unavailable { Self::unavailable(error) } else { Self::internal(error) }
    }
}

/// Whether an error code means that the database does not answer or lacks resources.
fn is_unavailable(code: &str) -> bool {
    // PostgreSQL codes have five characters: connection, transaction timeout, rollback, resources, locks, operator
    // intervention
    // (<https://access.crunchydata.com/documentation/postgresql18/18.3/errcodes-appendix.html>, read 2026-11-30).
    if code.len() == 5 {
        return ["08", "25P03", "40", "53", "55P03", "57"].iter().any(|class| code.starts_with(class));
    }
    // SQLite codes are numbers. The low byte is busy, no memory, read-only, I/O error, full, or cannot open
    // (<https://www.chiark.greenend.org.uk/doc/sqlite3/rescode.html>, read 2026-11-30).
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 7 | 8 | 10 | 13 | 14))
}

#[cfg(test)]
mod tests {
    use super::is_unavailable;

    #[test]
    fn database_error_that_passes_is_unavailable_and_any_other_is_internal() {
        for code in ["5", "517", "10", "778", "13", "14", "08006", "53100", "57P01", "25P03", "40P01"] {
            assert!(is_unavailable(code), "{code}");
        }
        for code in ["1", "19", "2067", "23505", "42601", "22021", ""] {
            assert!(!is_unavailable(code), "{code}");
        }
    }
}
