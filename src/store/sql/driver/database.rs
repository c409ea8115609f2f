//! What sqlx asks of a type of database. `Any` only connects with it, and then uses the connection as an [`AnyConnectionBackend`]. So no other
//! part of it is ever used, and most of its types have no values.

use std::borrow::Cow;
use std::fmt::{Display, Formatter};
use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use log::LevelFilter;
use sqlx::any::{AnyConnectOptions, AnyQueryResult};
use sqlx::error::BoxDynError;
use sqlx::query::{Query, QueryAs, QueryScalar};
use sqlx::{
    Arguments, Column, ColumnIndex, ConnectOptions, Connection, Database, Either, Encode, Error, FromRow,
    IntoArguments, Result, Row, SqlStr, Statement, Transaction, Type, TypeInfo, Value, ValueRef,
};
use sqlx_core::any::AnyConnectionBackend;
use sqlx_core::transaction::TransactionManager;
use url::Url;

use super::{Limited, Options};

/// PostgreSQL with [`Limited`] connections.
#[derive(Debug)]
pub(super) struct LimitedPostgres;

impl Database for LimitedPostgres {
    type Connection = Limited;
    type TransactionManager = Self;
    type Row = Never;
    type QueryResult = AnyQueryResult;
    type Column = Never;
    type TypeInfo = Never;
    type Value = Never;
    type ValueRef<'r> = Never;
    type Arguments = NoArguments;
    type ArgumentBuffer = ();
    type Statement = Never;
    const NAME: &'static str = "PostgreSQL";
    const URL_SCHEMES: &'static [&'static str] = &["postgres", "postgresql"];
}

impl FromStr for Options {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        Self::try_from(&AnyConnectOptions::from_str(url)?)
    }
}

impl ConnectOptions for Options {
    type Connection = Limited;

    fn from_url(url: &Url) -> Result<Self> {
        Self::try_from(&AnyConnectOptions::from_url(url)?)
    }

    async fn connect(&self) -> Result<Limited> {
        self.open().await
    }

    fn log_statements(self, level: LevelFilter) -> Self {
        Self { postgres: self.postgres.log_statements(level), ..self }
    }

    fn log_slow_statements(self, level: LevelFilter, duration: Duration) -> Self {
        Self { postgres: self.postgres.log_slow_statements(level, duration), ..self }
    }
}

impl Connection for Limited {
    type Database = LimitedPostgres;
    type Options = Options;

    fn close(self) -> impl Future<Output = Result<()>> + Send + 'static {
        AnyConnectionBackend::close(Box::new(self))
    }

    fn close_hard(self) -> impl Future<Output = Result<()>> + Send + 'static {
        AnyConnectionBackend::close_hard(Box::new(self))
    }

    fn ping(&mut self) -> impl Future<Output = Result<()>> + Send + '_ {
        AnyConnectionBackend::ping(self)
    }

    fn begin(&mut self) -> impl Future<Output = Result<Transaction<'_, LimitedPostgres>>> + Send + '_ {
        Transaction::begin(self, None)
    }

    fn shrink_buffers(&mut self) {
        AnyConnectionBackend::shrink_buffers(self);
    }

    fn flush(&mut self) -> impl Future<Output = Result<()>> + Send + '_ {
        AnyConnectionBackend::flush(self)
    }

    fn should_flush(&self) -> bool {
        AnyConnectionBackend::should_flush(self)
    }
}

impl TransactionManager for LimitedPostgres {
    type Database = Self;

    fn begin(connection: &mut Limited, statement: Option<SqlStr>) -> impl Future<Output = Result<()>> + Send + '_ {
        AnyConnectionBackend::begin(connection, statement)
    }

    fn commit(connection: &mut Limited) -> impl Future<Output = Result<()>> + Send + '_ {
        AnyConnectionBackend::commit(connection)
    }

    fn rollback(connection: &mut Limited) -> impl Future<Output = Result<()>> + Send + '_ {
        AnyConnectionBackend::rollback(connection)
    }

    fn start_rollback(connection: &mut Limited) {
        AnyConnectionBackend::start_rollback(connection);
    }

    fn get_transaction_depth(connection: &Limited) -> usize {
        AnyConnectionBackend::get_transaction_depth(connection)
    }
}

/// Arguments that accept nothing.
#[derive(Default)]
pub(super) struct NoArguments;

impl Arguments for NoArguments {
    type Database = LimitedPostgres;

    fn reserve(&mut self, _additional: usize, _size: usize) {}

    fn add<'t, T: Encode<'t, LimitedPostgres> + Type<LimitedPostgres>>(
        &mut self,
        _value: T,
    ) -> Result<(), BoxDynError> {
        Err("only `Any` has arguments".into())
    }

    fn len(&self) -> usize {
        0
    }
}

/// A type without values: a row, a column, a type, a value and a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Never {}

impl Display for Never {
    fn fmt(&self, _f: &mut Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

impl TypeInfo for Never {
    fn is_null(&self) -> bool {
        match *self {}
    }

    fn name(&self) -> &str {
        match *self {}
    }
}

impl Column for Never {
    type Database = LimitedPostgres;

    fn ordinal(&self) -> usize {
        match *self {}
    }

    fn name(&self) -> &str {
        match *self {}
    }

    fn type_info(&self) -> &Self {
        match *self {}
    }
}

impl Row for Never {
    type Database = LimitedPostgres;

    fn columns(&self) -> &[Self] {
        match *self {}
    }

    fn try_get_raw<I: ColumnIndex<Self>>(&self, _index: I) -> Result<Self> {
        match *self {}
    }
}

impl Value for Never {
    type Database = LimitedPostgres;

    fn as_ref(&self) -> Self {
        match *self {}
    }

    fn type_info(&self) -> Cow<'_, Self> {
        match *self {}
    }

    fn is_null(&self) -> bool {
        match *self {}
    }
}

impl ValueRef<'_> for Never {
    type Database = LimitedPostgres;

    fn to_owned(&self) -> Self {
        match *self {}
    }

    fn type_info(&self) -> Cow<'_, Self> {
        match *self {}
    }

    fn is_null(&self) -> bool {
        match *self {}
    }
}

impl Statement for Never {
    type Database = LimitedPostgres;

    fn into_sql(self) -> SqlStr {
        match self {}
    }

    fn sql(&self) -> &SqlStr {
        match *self {}
    }

    fn parameters(&self) -> Option<Either<&[Self], usize>> {
        match *self {}
    }

    fn columns(&self) -> &[Self] {
        match *self {}
    }

    fn query(&self) -> Query<'_, LimitedPostgres, NoArguments> {
        match *self {}
    }

    fn query_with<A: IntoArguments<LimitedPostgres>>(&self, _arguments: A) -> Query<'_, LimitedPostgres, A> {
        match *self {}
    }

    fn query_as<O: for<'r> FromRow<'r, Self>>(&self) -> QueryAs<'_, LimitedPostgres, O, NoArguments> {
        match *self {}
    }

    fn query_as_with<'s, O, A>(&'s self, _arguments: A) -> QueryAs<'s, LimitedPostgres, O, A>
    where
        O: for<'r> FromRow<'r, Self>,
        A: IntoArguments<LimitedPostgres>,
    {
        match *self {}
    }

    fn query_scalar<O>(&self) -> QueryScalar<'_, LimitedPostgres, O, NoArguments>
    where
        (O,): for<'r> FromRow<'r, Self>,
    {
        match *self {}
    }

    fn query_scalar_with<'s, O, A>(&'s self, _arguments: A) -> QueryScalar<'s, LimitedPostgres, O, A>
    where
        (O,): for<'r> FromRow<'r, Self>,
        A: IntoArguments<LimitedPostgres>,
    {
        match *self {}
    }
}
