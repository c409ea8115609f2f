//! Conversions between values and columns, which are TEXT and BIGINT only. `from_row!` lists the columns of a struct once, beside the
//! statement that selects them. The type of each field determines how its column is read.

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;
use sqlx::error::BoxDynError;

use crate::documents::structure::{Guides, Structure};
use crate::error::Error;
use crate::extract::{PageTraits, Recipe};
use crate::jobs::{Shard, Stage};
use crate::markdown::Outline;
use crate::model::wire::Metadata;
use crate::model::{BlockedReason, JobStatus, Mode, PageSet, Role, Scopes, UnixMs};
use coldbrew_pdf::figures::Figure;

/// A value that is stored in one column.
pub(super) trait Column: Sized {
    /// Reads this column of a row.
    fn read(row: &AnyRow, column: &str) -> sqlx::Result<Self>;
}

/// Implements `FromRow` for a struct. Each field is read from the column of its name, or of the name after `=`. A name before the struct
/// also defines a macro with the list of columns.
macro_rules! from_row {
    ($visibility:vis $columns:ident: $type:ty { $($field:ident $(= $column:ident)?),+ $(,)? }) => {
        $crate::store::sql::columns::from_row!($type { $($field),+ });

        macro_rules! $columns {
            () => {
                stringify!($($($column AS)? $field),+)
            };
        }
        $visibility use $columns;
    };
    ($type:ty { $($field:ident $(= $column:ident)?),+ $(,)? }) => {
        impl sqlx::FromRow<'_, sqlx::any::AnyRow> for $type {
            fn from_row(row: &sqlx::any::AnyRow) -> sqlx::Result<Self> {
                use $crate::store::sql::columns::{Column, column_name};
                Ok(Self { $($field: Column::read(row, column_name!($field $($column)?))?),+ })
            }
        }
    };
}

macro_rules! column_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $column:ident) => {
        stringify!($column)
    };
}
pub(super) use {column_name, from_row};

/// Each line has a type, its stored type, and the conversion.
macro_rules! columns {
    ($($type:ty = $stored:ident: $stored_type:ty => $value:expr;)+) => {
        $(impl Column for $type {
            fn read(row: &AnyRow, column: &str) -> sqlx::Result<Self> {
                let value = |$stored: $stored_type| -> Result<Self, BoxDynError> { Ok($value) };
                let unreadable = |source| sqlx::Error::ColumnDecode { index: column.to_owned(), source };
                value(row.try_get(column)?).map_err(unreadable)
            }
        })+
    };
}

columns! {
    i64 = number: i64 => number;
    u32 = number: i64 => number.try_into()?;
    u64 = number: i64 => number.try_into()?;
    Option<u64> = number: Option<i64> => number.map(u64::try_from).transpose()?;
    bool = number: i64 => number != 0;
    UnixMs = number: i64 => UnixMs(number);
    Option<UnixMs> = number: Option<i64> => number.map(UnixMs);
    // A token from before there were scopes may do everything.
    Scopes = names: Option<&str> => names.map_or_else(Scopes::all, Scopes::parse);
    String = text: String => text;
    Option<String> = text: Option<String> => text;
    Recipe = name: &str => Recipe::named(name);
    Mode = name: &str => name.parse().map_err(|_| format!("unknown mode {name}"))?;
    // A newer program may have stored an unknown name. Only the statuses of active jobs are read.
    JobStatus = name: &str => name.parse().unwrap_or(JobStatus::Running);
    // An unknown role of a newer program gives no right here.
    Option<Role> = name: Option<&str> => name.and_then(|name| name.parse().ok());
    // A newer program may have stored an unknown name. The job is still readable without it.
    Option<BlockedReason> = name: Option<&str> => name.and_then(|name| name.parse().ok());
    // Page ranges in the notation for people, such as `1-3, 5`.
    PageSet = pages: &str => PageSet::parse(pages, u32::MAX)?;
    Stage = json: &str => serde_json::from_str(json)?;
    Option<Shard> = json: Option<&str> => json.map(serde_json::from_str).transpose()?;
    Metadata = json: &str => serde_json::from_str(json)?;
    Option<Metadata> = json: Option<&str> => json.map(serde_json::from_str).transpose()?;
    Option<Outline> = json: Option<&str> => json.map(serde_json::from_str).transpose()?;
    Vec<u32> = json: &str => serde_json::from_str(json)?;
    Vec<Figure> = json: &str => serde_json::from_str(json)?;
    PageTraits = json: &str => serde_json::from_str(json)?;
    Guides = json: &str => serde_json::from_str(json)?;
    Option<Structure> = json: &str => serde_json::from_str(json).ok();
}

/// A value as JSON, for a TEXT column.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(Error::internal)
}

/// A text from outside, for a TEXT column. PostgreSQL cannot store NUL
/// (<https://postgresql.org/message-id/16539664-c24c-df89-e44c-8f4219a31a1a%40dunslane.net>, read 2026-11-30).
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

/// An unsigned number, for a BIGINT column. No value of this program comes near its limit.
pub(super) fn to_db(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The page indices that a statement selected.
pub(super) fn page_indices<T: FromIterator<u32>>(column: Vec<i64>) -> Result<T, Error> {
    column.into_iter().map(|index| u32::try_from(index).map_err(Error::internal)).collect()
}
