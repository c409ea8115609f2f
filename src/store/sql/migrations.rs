//! The migrations of the database. A released migration never changes its number or its text.
//!
//! They are listed here, because sqlx's macro for a folder makes the compiler build the database drivers a second time.

use sqlx::migrate::{Migration, MigrationType};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::error::{Error, Result};

macro_rules! named {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("migrations/", $name, ".sql")))),*] };
}

/// The file name without its ending, and the SQL of each migration.
pub const ALL: &[(&str, &str)] = named![
    "0001_start",
    "0010_figures",
    "0020_versions",
    "0030_members",
    "0041_drafts",
    "0044_lanes",
    "0070_identities",
    "0071_format",
    "0080_leftovers",
    "0081_spared",
    "0082_gone",
    "0083_missed_figures",
    "0084_gone_accounts",
    "0085_hindrances",
    "0090_outlines",
    "0091_storage",
    "0092_spending",
    "0093_sign_ins",
    "0094_status",
    "0095_access",
    "0096_sessions",
    "0101_clock",
    "0110_workers",
    "0111_jobs_polling",
    "0112_jobs_remote_due",
    "0140_purges",
    "0141_uploads_pending",
    "0150_own_pages",
    "0151_attempts",
    "0152_rereads",
    "0153_shards",
    "0154_batches_in_queue",
    "0160_structures",
];

/// The current time in milliseconds since 1970. `clock_timestamp()` advances during a transaction, as `now()` does not.
const SQLITE_NOW: &str = "CAST(ROUND(unixepoch('now', 'subsec') * 1000) AS INTEGER)";
const POSTGRES_NOW: &str = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";

/// The first line of a migration that cannot be part of a transaction. It has one statement, which makes one index.
///
/// An index on a table of an earlier migration is made `CONCURRENTLY`. Otherwise no server could write to the table meanwhile.
const NO_TRANSACTION: &str = "-- no-transaction\n";

/// Migrations from file names and SQL. SQLite knows no `CONCURRENTLY`.
///
/// # Errors
/// `internal` if a file name has no number.
pub(super) fn parsed(migrations: &[(&'static str, &'static str)], sqlite: bool) -> Result<Vec<Migration>> {
    migrations.iter().map(|(name, sql)| migration(name, sql, sqlite)).collect()
}

fn migration(name: &'static str, sql: &'static str, sqlite: bool) -> Result<Migration> {
    let (number, description) = name.split_once('_').unwrap_or((name, ""));
    let number = number.parse().map_err(Error::internal)?;
    let no_transaction = sql.starts_with(NO_TRANSACTION);
    let (now_ms, concurrently) = if sqlite { (SQLITE_NOW, "") } else { (POSTGRES_NOW, " CONCURRENTLY") };
    let sql = sql.replace(":now_ms", now_ms).replace(" CONCURRENTLY", concurrently);
    let (description, sql) = (description.replace('_', " ").into(), AssertSqlSafe(sql).into_sql_str());
    Ok(Migration::new(number, description, MigrationType::Simple, sql, no_transaction && !sqlite))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn migrations_list_every_file_of_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/sql/migrations");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<_> = files.map(|file| file.trim_end_matches(".sql").to_owned()).collect();
        files.sort();
        assert_eq!(files, ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        assert_eq!(parsed(ALL, false).unwrap().len(), ALL.len());
    }

    /// The indexes of a migration that block writers of a table that is in use. They are not made `CONCURRENTLY`, alone in their migration.
    fn blocking_indexes(sql: &str) -> Vec<String> {
        let code: String = sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join(" ");
        let statements: Vec<Vec<&str>> = code
            .split(';')
            .map(|statement| statement.split_whitespace().collect())
            .filter(|words: &Vec<_>| !words.is_empty())
            .collect();
        let tables: Vec<&str> =
            statements.iter().filter(|words| words[..2] == ["CREATE", "TABLE"]).map(|words| words[2]).collect();
        let alone = statements.len() == 1 && sql.starts_with(NO_TRANSACTION);
        let is_safe = |words: &Vec<&str>| {
            let on = words.iter().position(|word| *word == "ON").map(|at| words[at + 1]);
            let concurrently = words.join(" ").contains("INDEX CONCURRENTLY IF NOT EXISTS ");
            on.is_some_and(|table| tables.contains(&table)) || (alone && concurrently)
        };
        let indexes = statements.iter().filter(|words| words[0] == "CREATE" && words[1..3].contains(&"INDEX"));
        indexes.filter(|words| !is_safe(words)).map(|words| words.join(" ")).collect()
    }

    /// Earlier ones were applied before there were large tables.
    #[test]
    fn index_on_an_existing_table_is_made_concurrently() {
        for (name, sql) in ALL.iter().filter(|(name, _)| *name > "0097") {
            let found = blocking_indexes(sql);
            assert!(
                found.is_empty(),
                "{name}: {found:?} needs a file of its own: “-- no-transaction”, then CREATE INDEX CONCURRENTLY IF NOT EXISTS"
            );
        }
        assert_eq!(blocking_indexes("CREATE INDEX a ON jobs (b);").len(), 1);
        assert_eq!(blocking_indexes("CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON jobs (b);").len(), 1);
        assert!(blocking_indexes("CREATE TABLE t (a TEXT);\nCREATE UNIQUE INDEX i ON t (a);").is_empty());
        let concurrent = "-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS a ON jobs (b);";
        assert!(blocking_indexes(concurrent).is_empty());
        assert_eq!(blocking_indexes(&format!("{concurrent} DELETE FROM jobs;")).len(), 1);
    }
}
