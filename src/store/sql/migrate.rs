//! Applies migrations, and records them in the table of sqlx, which earlier versions of this program read.
//!
//! One process applies them; others wait until it has ended. sqlx's own runner waits inside a statement. PostgreSQL's `CREATE INDEX
//! CONCURRENTLY` would wait for that statement, and so neither would ever end.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::migrate::Migration;
use sqlx::{AnyConnection, AnyExecutor, AnyPool, AssertSqlSafe, Connection, Executor};

use super::driver::LIMITS;
use crate::error::{Error, Result};

/// Identifies the lock on migrations of this product in a PostgreSQL database.
const LOCK: i64 = 0x436f_6c64_6272_6577;
/// The interval at which a process tries to get the lock.
const LOCK_INTERVAL: Duration = Duration::from_millis(500);

const POSTGRES_TABLE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (
    version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now(),
    success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL)";
const SQLITE_TABLE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (
    version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";

/// Applies the missing migrations. Unknown ones are ignored, so that an older server can start after a newer one.
///
/// # Errors
/// `unavailable` if the database does not answer; `internal` if a migration fails or was changed after it was applied.
pub(super) async fn apply(pool: &AnyPool, sqlite: bool, migrations: &[Migration]) -> Result<()> {
    if missing(pool, migrations).await?.is_empty() {
        return Ok(());
    }
    let mut connection = pool.acquire().await?;
    // The lock ends with the connection, and so do settings.
    connection.close_on_drop();
    if !sqlite {
        lock(&mut connection).await?;
    }
    connection.execute(if sqlite { SQLITE_TABLE } else { POSTGRES_TABLE }).await?;
    for migration in missing(&mut *connection, migrations).await? {
        tracing::info!(version = migration.version, description = %migration.description, "applying a migration");
        if migration.no_tx {
            apply_alone(&mut connection, migration).await?;
        } else {
            apply_in_transaction(&mut connection, sqlite, migration).await?;
        }
    }
    connection.close().await?;
    Ok(())
}

/// Checks that no migration is missing.
///
/// # Errors
/// `internal` if one is missing or was changed after it was applied; `unavailable` if the database does not answer.
pub(super) async fn check(pool: &AnyPool, migrations: &[Migration]) -> Result<()> {
    let missing = missing(pool, migrations).await?.len();
    if missing == 0 {
        return Ok(());
    }
    Err(Error::internal(format!("the database lacks {missing} migrations: run `coldbrew migrate`, then start again")))
}

/// The migrations that are not applied.
async fn missing<'m>(database: impl AnyExecutor<'_>, migrations: &'m [Migration]) -> Result<Vec<&'m Migration>> {
    let applied = sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations").fetch_all(database).await;
    let applied: HashMap<i64, Vec<u8>> = match applied {
        Ok(rows) => rows.into_iter().collect(),
        // There is no such table.
        Err(sqlx::Error::Database(error)) if ["42P01", "1"].contains(&error.code().unwrap_or_default().as_ref()) => {
            HashMap::new()
        }
        Err(error) => return Err(error.into()),
    };
    let is_changed = |migration: &&Migration| {
        applied.get(&migration.version).is_some_and(|checksum| *checksum != *migration.checksum)
    };
    if let Some(changed) = migrations.iter().find(is_changed) {
        return Err(Error::internal(format!("migration {} was changed after it was applied", changed.version)));
    }
    Ok(migrations.iter().filter(|migration| !applied.contains_key(&migration.version)).collect())
}

/// Waits until no other process migrates.
async fn lock(connection: &mut AnyConnection) -> Result<()> {
    let mut logged = false;
    while !sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK).fetch_one(&mut *connection).await? {
        if !logged {
            tracing::info!("another process migrates the database; waiting for it");
            logged = true;
        }
        tokio::time::sleep(LOCK_INTERVAL).await;
    }
    Ok(())
}

async fn apply_in_transaction(connection: &mut AnyConnection, sqlite: bool, migration: &Migration) -> Result<()> {
    let mut transaction = connection.begin_with(if sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" }).await?;
    // SQLite has no other lock on migrations than this transaction.
    if record(&mut transaction, migration).await? {
        sqlx::raw_sql(migration.sql.clone()).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

/// Applies a migration of one index in PostgreSQL. If it fails, the next process repeats it.
async fn apply_alone(connection: &mut AnyConnection, migration: &Migration) -> Result<()> {
    // The index waits for all older transactions.
    connection.execute("SET lock_timeout = 0").await?;
    let index =
        migration.sql.as_str().split_once("IF NOT EXISTS ").and_then(|(_, rest)| rest.split_whitespace().next());
    let index = index.ok_or_else(|| Error::internal("a migration without transaction names no index"))?;
    let invalid = "SELECT COUNT(*) FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid";
    let is_invalid = sqlx::query_scalar::<_, i64>(invalid).bind(index).fetch_one(&mut *connection).await? > 0;
    if is_invalid {
        connection.execute(AssertSqlSafe(format!("DROP INDEX CONCURRENTLY {index}"))).await?;
    }
    sqlx::raw_sql(migration.sql.clone()).execute(&mut *connection).await?;
    record(connection, migration).await?;
    let [_, lock] = LIMITS;
    connection.execute(AssertSqlSafe(format!("SET {lock}"))).await?;
    Ok(())
}

/// Returns `false` if it is recorded already.
async fn record(connection: &mut AnyConnection, migration: &Migration) -> Result<bool> {
    let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
               VALUES ($1, $2, TRUE, $3, -1) ON CONFLICT (version) DO NOTHING";
    let recorded = sqlx::query(sql)
        .bind(migration.version)
        .bind(&*migration.description)
        .bind(migration.checksum.to_vec())
        .execute(connection)
        .await?;
    Ok(recorded.rows_affected() > 0)
}
