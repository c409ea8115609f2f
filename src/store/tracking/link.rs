//! The connection of this process to Redis for commands.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, FromRedisValue, IntoConnectionInfo, RedisFuture, RedisResult, ScriptInvocation};
use socket2::TcpKeepalive;

use crate::error::{Error, Result};

/// The longest time that a submission waits. What is not published in time is published later.
const TIMEOUT: Duration = Duration::from_millis(500);
/// The kernel ends a connection whose host has not confirmed what was sent for this long.
const SENT_TIMEOUT: Duration = Duration::from_secs(10);
/// The kernel asks an idle connection's host whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// A connection that is replaced after a command without an answer.
///
/// A host may die without closing its connections. Then only the time limit of a command shows it.
pub(super) struct Link {
    client: Client,
    /// The connection, and how many there were before it.
    current: Mutex<(ConnectionManager, u64)>,
}

impl Link {
    /// Uses the server at `redis://…`. Connects when it is first used.
    ///
    /// # Errors
    /// `internal` if the URL is not valid.
    pub(super) fn open(url: &str) -> Result<Self> {
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
        let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
        #[cfg(target_os = "linux")]
        let tcp = tcp.set_user_timeout(SENT_TIMEOUT);
        let server = url.into_connection_info().map_err(Error::internal)?.set_tcp_settings(tcp);
        let client = Client::open(server).map_err(Error::internal)?;
        Ok(Self { current: Mutex::new((connect(&client)?, 0)), client })
    }

    /// The client, for connections of other kinds.
    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// Runs a command within the time limit.
    ///
    /// # Errors
    /// `unavailable` if Redis does not answer in time.
    pub(super) async fn run<T>(&self, command: impl FnOnce(ConnectionManager) -> RedisFuture<'static, T>) -> Result<T> {
        let (connection, number) = self.current();
        self.within(number, command(connection)).await
    }

    /// Runs a script within the time limit.
    ///
    /// # Errors
    /// `unavailable` if Redis does not answer in time.
    pub(super) async fn run_script<T: FromRedisValue>(&self, script: ScriptInvocation<'_>) -> Result<T> {
        let (mut connection, number) = self.current();
        self.within(number, script.invoke_async(&mut connection)).await
    }

    fn current(&self) -> (ConnectionManager, u64) {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn within<T>(&self, number: u64, command: impl Future<Output = RedisResult<T>>) -> Result<T> {
        match tokio::time::timeout(TIMEOUT, command).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if !error.is_timeout() => Err(error.into()),
            late => {
                self.replace(number);
                Err(late.map_or_else(Error::unavailable, |_| Error::unavailable("Redis does not answer")))
            }
        }
    }

    /// Replaces a connection, unless that has happened.
    fn replace(&self, number: u64) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.1 == number
            && let Ok(connection) = connect(&self.client)
        {
            *current = (connection, number + 1);
        }
    }
}

/// Connects when it is first used. If that takes longer than the command waits, it continues for the next command.
fn connect(client: &Client) -> Result<ConnectionManager> {
    let settings = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(TIMEOUT))
        .set_response_timeout(Some(TIMEOUT))
        .set_number_of_retries(0);
    ConnectionManager::new_lazy_with_config(client.clone(), settings).map_err(Error::internal)
}
