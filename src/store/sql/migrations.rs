//! The migrations of the database. A released migration never changes its number or its text.
//!
//! They are listed here, because sqlx's macro for a folder makes the compiler build the database drivers a second time.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::error::{Error, Result};

macro_rules! named {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("migrations/", $name, ".sql")))),*] };
}

/// The file name without its ending, and the SQL of each migration.
const ALL: &[(&str, &str)] = named![
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
    "0140_purges",
];

/// The current time in milliseconds since 1970. `clock_timestamp()` advances during a transaction, as `now()` does not.
const SQLITE_NOW: &str = "CAST(ROUND(unixepoch('now', 'subsec') * 1000) AS INTEGER)";
const POSTGRES_NOW: &str = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";

/// All migrations, in order. `sqlite`: for SQLite, otherwise for PostgreSQL.
///
/// # Errors
/// `internal` if a file name has no number.
pub(crate) fn all(sqlite: bool) -> Result<Migrator> {
    let now_ms = if sqlite { SQLITE_NOW } else { POSTGRES_NOW };
    let migrations = ALL.iter().map(|(name, sql)| {
        let (number, description) = name.split_once('_').unwrap_or((name, ""));
        let number = number.parse().map_err(Error::internal)?;
        Ok(Migration::new(
            number,
            description.replace('_', " ").into(),
            MigrationType::Simple,
            AssertSqlSafe(sql.replace(":now_ms", now_ms)).into_sql_str(),
            false,
        ))
    });
    Ok(Migrator::with_migrations(migrations.collect::<Result<_>>()?))
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
        assert_eq!(all(true).unwrap().iter().count(), ALL.len());
    }
}
