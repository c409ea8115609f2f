//! A driver of PostgreSQL for sqlx's `Any` in which every wait has a limit.
//!
//! sqlx neither limits a statement nor shows its sockets. So a database host that dies without closing its connections would block its
//! callers forever. Here, another connection asks the server about a statement without an answer. If the server no longer works
//! on it, the statement fails and its connection is never used again. A slow statement is not limited.
//!
//! A connection through a pooler in transaction mode, such as `PgBouncer`, has another server process in each transaction. So it has no
//! session settings and no named prepared statements, and each statement is part of a transaction.

mod database;

use std::future::Future;
use std::io::ErrorKind;
use std::pin::pin;
use std::time::Duration;

use futures::future::{BoxFuture, Either as Raced, select};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use sqlx::any::{AnyArguments, AnyConnectOptions, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::migrate::Migrate;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Either, Error, PgConnection, Result, SqlSafeStr, SqlStr};
use sqlx_core::any::AnyConnectionBackend;
use sqlx_core::any::driver::AnyDriver;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use database::LimitedPostgres;

/// How long a statement waits before the server is asked about it, and between two such checks.
const CHECK_AFTER: Duration = Duration::from_secs(8);
/// The time limit for one check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit for the answer to a ping, and for closing a connection. It costs only another connection.
const PING_TIMEOUT: Duration = Duration::from_millis(1_500);
/// A statement fails after more checks without a result than this: after about a minute.
const UNKNOWN_CHECKS_MAX: u32 = 7;
/// The time within which an answer arrives that the server had sent before a check.
const GRACE: Duration = Duration::from_secs(1);

/// Aborts the transactions of a stalled process, so that it neither keeps its locks nor acquires the ones it is queued for.
pub(super) const LIMITS: [&str; 2] = ["idle_in_transaction_session_timeout = '5s'", "lock_timeout = '10s'"];
/// The server ends the connections of a host that has died: within 25 s if idle, within 20 s if it was sending.
const KEEPALIVE: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; \
                         SET tcp_user_timeout = '20s'";

/// The parameter of a database URL that says that it leads to a pooler.
pub(super) const POOLER: &str = "pooler";

/// Installs the drivers of both databases for sqlx's `Any`. Only the first call has an effect.
pub(super) fn install() {
    static DRIVERS: [AnyDriver; 2] = [sqlx::sqlite::any::DRIVER, AnyDriver::without_migrate::<LimitedPostgres>()];
    let _ = sqlx_core::any::driver::install_drivers(&DRIVERS);
}

/// How to connect.
#[derive(Clone, Debug)]
struct Options {
    postgres: PgConnectOptions,
    pooled: bool,
}

impl TryFrom<&AnyConnectOptions> for Options {
    type Error = Error;

    fn try_from(any: &AnyConnectOptions) -> Result<Self> {
        let pooled = any.database_url.query_pairs().any(|(name, _)| name == POOLER);
        let mut any = any.clone();
        let kept: Vec<_> = any.database_url.query_pairs().into_owned().filter(|(name, _)| name != POOLER).collect();
        any.database_url.set_query(None);
        if !kept.is_empty() {
            any.database_url.query_pairs_mut().extend_pairs(kept);
        }
        Ok(Self { postgres: PgConnectOptions::try_from(&any)?, pooled })
    }
}

impl Options {
    async fn open(&self) -> Result<Limited> {
        let mut connection = self.postgres.connect().await?;
        let server = if self.pooled {
            None
        } else {
            let [idle, lock] = LIMITS;
            sqlx::raw_sql(AssertSqlSafe(format!("SET {idle}; SET {lock}; {KEEPALIVE}")))
                .execute(&mut connection)
                .await?;
            let select = "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()";
            Some(sqlx::query_as(select).fetch_one(&mut connection).await?)
        };
        Ok(Limited { connection, broken: false, check: ActivityCheck { options: self.clone(), server } })
    }
}

/// A connection to PostgreSQL in which every wait has a limit.
#[derive(Debug)]
struct Limited {
    connection: PgConnection,
    /// Whether an answer is missing. Then nothing waits for this connection any more.
    broken: bool,
    check: ActivityCheck,
}

/// Looks at what the server process of a connection does.
#[derive(Debug)]
struct ActivityCheck {
    options: Options,
    /// The process and its start, which identify it. `None` behind a pooler.
    server: Option<(i32, String)>,
}

/// What is known of a statement without an answer.
#[derive(PartialEq, Eq)]
enum Activity {
    Running,
    Gone,
    /// The server answers, but does not tell.
    Unknown,
}

impl ActivityCheck {
    async fn activity(&self) -> Activity {
        // One connection of a process checks at a time: when many statements wait, the server has few connections left.
        static CHECKING: Semaphore = Semaphore::const_new(1);
        let _permit = CHECKING.acquire().await;
        match timeout(CHECK_TIMEOUT, self.ask()).await {
            Ok(Ok(activity)) => activity,
            // For example, all connections of the server are in use.
            Ok(Err(Error::Database(_))) => Activity::Unknown,
            Ok(Err(_)) | Err(_) => Activity::Gone,
        }
    }

    async fn ask(&self) -> Result<Activity> {
        let mut connection = self.options.postgres.connect().await?;
        let Some((process, start)) = &self.server else {
            sqlx::raw_sql("SELECT 1").execute(&mut connection).await?;
            return Ok(Activity::Unknown);
        };
        // Waiting for its client, the server has answered or never got the statement.
        let select = "SELECT COUNT(*) FROM pg_stat_activity
                      WHERE pid = $1 AND backend_start::text = $2 AND state NOT LIKE 'idle%'";
        let running: i64 = sqlx::query_scalar(select).bind(process).bind(start).fetch_one(&mut connection).await?;
        Ok(if running > 0 { Activity::Running } else { Activity::Gone })
    }
}

/// Limits the waits of one connection.
struct Guard<'c> {
    broken: &'c mut bool,
    check: &'c ActivityCheck,
}

impl Guard<'_> {
    /// Waits until `step` ends, as long as the server works on it.
    async fn wait<T>(&mut self, step: impl Future<Output = T>) -> Result<T> {
        if *self.broken {
            return Err(no_answer());
        }
        let (mut step, mut unknown) = (pin!(step), 0);
        loop {
            if let Ok(done) = timeout(CHECK_AFTER, &mut step).await {
                return Ok(done);
            }
            let activity = match select(&mut step, pin!(self.check.activity())).await {
                Raced::Left((done, _)) => return Ok(done),
                Raced::Right((activity, _)) => activity,
            };
            unknown += u32::from(activity == Activity::Unknown);
            if activity == Activity::Gone || unknown > UNKNOWN_CHECKS_MAX {
                let late = timeout(GRACE, step).await;
                *self.broken = late.is_err();
                return late.map_err(|_| no_answer());
            }
        }
    }

    /// As [`Self::wait`], for a step that returns a result. The two errors become one.
    async fn result<T>(&mut self, step: impl Future<Output = Result<T>>) -> Result<T> {
        self.wait(step).await?
    }
}

fn no_answer() -> Error {
    Error::Io(std::io::Error::new(ErrorKind::TimedOut, "the database does not answer"))
}

type Step = Result<Either<AnyQueryResult, AnyRow>>;

impl Limited {
    fn parts(&mut self) -> (&mut PgConnection, Guard<'_>) {
        (&mut self.connection, Guard { broken: &mut self.broken, check: &self.check })
    }

    /// Whether a statement needs a transaction of its own. One without arguments is a single message, which a pooler does not divide.
    fn needs_transaction(&self, arguments: Option<&AnyArguments>) -> bool {
        self.check.options.pooled && arguments.is_some() && self.connection.get_transaction_depth() == 0
    }

    /// Runs a statement in a transaction of its own.
    async fn run_alone(&mut self, query: SqlStr, arguments: Option<AnyArguments>) -> Result<Vec<Step>> {
        let (connection, mut guard) = self.parts();
        let run = async {
            let mut transaction = connection.begin_with(begin_pooled()).await?;
            let steps: Vec<_> =
                AnyConnectionBackend::fetch_many(&mut *transaction, query, false, arguments).try_collect().await?;
            transaction.commit().await?;
            Ok(steps.into_iter().map(Ok).collect())
        };
        guard.result(run).await
    }
}

fn begin_pooled() -> SqlStr {
    let [idle, lock] = LIMITS;
    AssertSqlSafe(format!("BEGIN; SET LOCAL {idle}; SET LOCAL {lock}")).into_sql_str()
}

impl AnyConnectionBackend for Limited {
    fn name(&self) -> &str {
        self.connection.name()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        async move {
            if self.broken {
                return Ok(());
            }
            timeout(PING_TIMEOUT, Connection::close(self.connection)).await.map_err(|_| no_answer())?
        }
        .boxed()
    }

    fn close_hard(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        // Dropping it closes the socket.
        async { Ok(()) }.boxed()
    }

    /// The pool pings a connection before and after each use. A connection is dropped if the statement of a cancelled caller still runs.
    fn ping(&mut self) -> BoxFuture<'_, Result<()>> {
        async {
            if self.broken {
                return Err(no_answer());
            }
            let answer = timeout(PING_TIMEOUT, Connection::ping(&mut self.connection)).await;
            self.broken = answer.is_err();
            answer.map_err(|_| no_answer())?
        }
        .boxed()
    }

    fn begin(&mut self, statement: Option<SqlStr>) -> BoxFuture<'_, Result<()>> {
        let outermost = self.check.options.pooled && self.connection.get_transaction_depth() == 0;
        let statement = if outermost { Some(begin_pooled()) } else { statement };
        let (connection, mut guard) = self.parts();
        async move { guard.result(AnyConnectionBackend::begin(connection, statement)).await }.boxed()
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        let (connection, mut guard) = self.parts();
        async move { guard.result(connection.commit()).await }.boxed()
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        let (connection, mut guard) = self.parts();
        async move { guard.result(connection.rollback()).await }.boxed()
    }

    fn start_rollback(&mut self) {
        self.connection.start_rollback();
    }

    fn get_transaction_depth(&self) -> usize {
        self.connection.get_transaction_depth()
    }

    fn shrink_buffers(&mut self) {
        AnyConnectionBackend::shrink_buffers(&mut self.connection);
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<()>> {
        let (connection, mut guard) = self.parts();
        async move { guard.result(Connection::flush(connection)).await }.boxed()
    }

    fn should_flush(&self) -> bool {
        AnyConnectionBackend::should_flush(&self.connection)
    }

    /// For tests, which make the data of earlier versions. Without limits.
    fn as_migrate(&mut self) -> Result<&mut (dyn Migrate + Send + 'static)> {
        self.connection.as_migrate()
    }

    fn fetch_many(&mut self, query: SqlStr, persistent: bool, arguments: Option<AnyArguments>) -> BoxStream<'_, Step> {
        if self.needs_transaction(arguments.as_ref()) {
            return self.run_alone(query, arguments).map_ok(stream::iter).try_flatten_stream().boxed();
        }
        let persistent = persistent && !self.check.options.pooled;
        let (connection, guard) = self.parts();
        let steps = AnyConnectionBackend::fetch_many(connection, query, persistent, arguments);
        stream::unfold(Some((steps, guard)), async |state| {
            let (mut steps, mut guard) = state?;
            match guard.wait(steps.next()).await {
                Ok(step) => Some((step?, Some((steps, guard)))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    fn fetch_optional(
        &mut self,
        query: SqlStr,
        persistent: bool,
        arguments: Option<AnyArguments>,
    ) -> BoxFuture<'_, Result<Option<AnyRow>>> {
        if self.needs_transaction(arguments.as_ref()) {
            let row = |steps: Vec<Step>| steps.into_iter().find_map(|step| step.ok()?.right());
            return async move { Ok(row(self.run_alone(query, arguments).await?)) }.boxed();
        }
        let persistent = persistent && !self.check.options.pooled;
        let (connection, mut guard) = self.parts();
        async move {
            let step = AnyConnectionBackend::fetch_optional(connection, query, persistent, arguments);
            guard.result(step).await
        }
        .boxed()
    }

    fn prepare_with<'c, 'q: 'c>(
        &'c mut self,
        sql: SqlStr,
        parameters: &[AnyTypeInfo],
    ) -> BoxFuture<'c, Result<AnyStatement>> {
        let (connection, mut guard) = self.parts();
        let parameters = parameters.to_vec();
        async move { guard.result(AnyConnectionBackend::prepare_with(connection, sql, &parameters)).await }.boxed()
    }
}
