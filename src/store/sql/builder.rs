//! Statements with a variable number of values, made with sqlx's `QueryBuilder`.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Execute, QueryBuilder};

use crate::error::{Error, Result};

/// The finished statement, with `$1` for each `?` of the builder. PostgreSQL needs `$1`, and the `Any` driver does not translate
/// (<https://github.com/launchbadge/sqlx/issues/3000>, open on 2026-11-30). No pushed text may contain a `?`.
pub(super) fn build(mut builder: QueryBuilder<Any>) -> Result<Query<'static, Any, AnyArguments>> {
    let arguments = builder.build().take_arguments().map_err(Error::internal)?.unwrap_or_default();
    Ok(sqlx::query_with(AssertSqlSafe(numbered(&builder.into_string())), arguments))
}

fn numbered(sql: &str) -> String {
    let mut pieces = sql.split('?');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.zip(1..).fold(first, |sql, (piece, number)| format!("{sql}${number}{piece}"))
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn builder_placeholders_are_numbered_for_postgresql() {
        assert_eq!(numbered("VALUES (?, ?), (?, ?) RETURNING id"), "VALUES ($1, $2), ($3, $4) RETURNING id");
        assert_eq!(numbered("SELECT 1"), "SELECT 1");
    }
}
