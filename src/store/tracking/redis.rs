//! The mirror in Redis or Valkey, with these keys:
//!
//! | key | type | value |
//! |---|---|---|
//! | `batch:{content_hash}` | string | JSON of a [`TrackedJob`], kept for 48 hours after its last change |
//! | `active_batch_jobs` | set | the contents that have an active job |
//! | `reservations:{user_id}` | hash | content → reserved tokens |
//! | `tracking_epoch` | string | exists since the copy was last rebuilt; missing if Redis has lost its data |
//!
//! The channel `job_changes` tells processes of each other's changes. Keys are always accessed by name.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Client, FromRedisValue, RedisFuture, Script, ScriptInvocation};

use super::{TrackedJob, Tracking};
use crate::changes::Change;
use crate::error::{Error, Result};

const ACTIVE: &str = "active_batch_jobs";
const EPOCH: &str = "tracking_epoch";
const CHANNEL: &str = "job_changes";
const LIFETIME_S: u64 = 48 * 3_600;
/// The longest time that a submission waits. What is not published in time is published later.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Uses the server at `redis://…`. If connecting takes longer than the request waits, it continues for the next request.
///
/// # Errors
/// `internal` if the URL is not valid.
pub(super) fn connect(url: &str) -> Result<(Client, ConnectionManager)> {
    let client = Client::open(url).map_err(Error::internal)?;
    let settings = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(TIMEOUT))
        .set_response_timeout(Some(TIMEOUT))
        .set_number_of_retries(0);
    let connection = ConnectionManager::new_lazy_with_config(client.clone(), settings).map_err(Error::internal)?;
    Ok((client, connection))
}

/// Identifies this process, so that it ignores its own messages.
#[derive(Clone, Debug)]
pub struct Origin(pub String);

/// A client of Redis as a mirror of jobs.
pub struct Redis {
    client: Client,
    connection: ConnectionManager,
    origin: Origin,
    publish: Script,
    forget: Script,
}

impl Redis {
    /// Uses the server at `redis://…`. Connects when it is first used.
    ///
    /// # Errors
    /// `internal` if the URL is not valid.
    pub fn open(url: &str, origin: Origin) -> Result<Self> {
        let (client, connection) = connect(url)?;
        let publish = Script::new(include_str!("publish.lua"));
        let forget = Script::new(include_str!("forget.lua"));
        Ok(Self { client, connection, origin, publish, forget })
    }

    /// Checks that Redis answers.
    ///
    /// # Errors
    /// `unavailable` if it does not answer in time.
    pub async fn ping(&self) -> Result<()> {
        self.query(|mut redis| Box::pin(async move { redis.ping().await })).await
    }

    /// Whether the copy was rebuilt since Redis last lost its data.
    ///
    /// # Errors
    /// `unavailable` if Redis does not answer in time.
    pub async fn has_epoch(&self) -> Result<bool> {
        self.query(|mut redis| Box::pin(async move { redis.exists(EPOCH).await })).await
    }

    /// Marks the copy as rebuilt. Call it before the rebuild: if Redis loses its data meanwhile, it loses the mark too.
    ///
    /// # Errors
    /// `unavailable` if Redis does not answer in time.
    pub async fn mark_epoch(&self) -> Result<()> {
        self.query(|mut redis| Box::pin(async move { redis.set(EPOCH, 1).await })).await
    }

    /// Tells other processes that this content has changed.
    ///
    /// # Errors
    /// `unavailable` if Redis does not answer in time.
    pub async fn notify(&self, account_id: &str, content_hash: &str) -> Result<()> {
        let message = self.message(account_id, content_hash);
        self.query(|mut redis| Box::pin(async move { redis.publish(CHANNEL, message).await })).await
    }

    /// Calls `heard` for each change in another process, until the connection ends.
    ///
    /// # Errors
    /// `unavailable` if the connection fails.
    pub async fn listen(&self, mut on_change: impl FnMut(Change) + Send) -> Result<()> {
        let mut channel = self.client.get_async_pubsub().await?;
        channel.subscribe(CHANNEL).await?;
        let mut messages = channel.into_on_message();
        while let Some(message) = messages.next().await {
            if let Some(change) = self.change(&message.get_payload::<String>()?) {
                on_change(change);
            }
        }
        Ok(())
    }

    /// Deletes the copy of a content's job that no longer exists.
    ///
    /// # Errors
    /// `unavailable` if Redis does not answer in time; `internal` if the copy is malformed.
    pub async fn forget(&self, content_hash: &str) -> Result<()> {
        let known = self.tracked(content_hash).await?;
        let (user_id, id) = known.map(|job| (job.user_id, job.view.id)).unwrap_or_default();
        let mut call = self.forget.key(job_key(content_hash));
        call.key(ACTIVE).key(reservations_key(&user_id)).arg(content_hash).arg(id);
        self.run(call).await
    }

    /// Runs a script within the time limit.
    async fn run(&self, call: ScriptInvocation<'_>) -> Result<()> {
        let mut redis = self.connection.clone();
        let ran = tokio::time::timeout(TIMEOUT, call.invoke_async::<()>(&mut redis)).await;
        Ok(ran.map_err(Error::unavailable)??)
    }

    fn message(&self, account_id: &str, content_hash: &str) -> String {
        format!("{} {account_id} {content_hash}", self.origin.0)
    }

    /// Parses a message. `None` if it is malformed or of this process.
    fn change(&self, message: &str) -> Option<Change> {
        let mut words = message.split(' ');
        let (origin, account_id, content_hash) = (words.next()?, words.next()?, words.next()?);
        let change = || Change { account_id: account_id.to_owned(), content_hash: content_hash.to_owned() };
        (origin != self.origin.0).then(change)
    }

    /// Runs one command within the time limit.
    async fn query<T: FromRedisValue>(
        &self,
        command: impl FnOnce(ConnectionManager) -> RedisFuture<'static, T>,
    ) -> Result<T> {
        let answer = tokio::time::timeout(TIMEOUT, command(self.connection.clone())).await;
        Ok(answer.map_err(Error::unavailable)??)
    }
}

#[async_trait]
impl Tracking for Redis {
    async fn publish(&self, job: &TrackedJob) -> Result<()> {
        let view = &job.view;
        let mut call = self.publish.key(job_key(&view.content_hash));
        call.key(ACTIVE).key(reservations_key(&job.user_id));
        call.arg(serde_json::to_string(job).map_err(Error::internal)?).arg(&view.content_hash);
        call.arg(u8::from(view.status.is_active())).arg(job.reserved_tokens).arg(LIFETIME_S);
        call.arg(CHANNEL).arg(self.message(&job.user_id, &view.content_hash));
        self.run(call).await
    }

    async fn tracked(&self, content_hash: &str) -> Result<Option<TrackedJob>> {
        let key = job_key(content_hash);
        let json: Option<String> = self.query(|mut redis| Box::pin(async move { redis.get(key).await })).await?;
        json.map(|json| serde_json::from_str(&json)).transpose().map_err(Error::internal)
    }

    async fn active(&self) -> Result<BTreeSet<String>> {
        self.query(|mut redis| Box::pin(async move { redis.smembers(ACTIVE).await })).await
    }

    async fn reserved(&self, account_id: &str) -> Result<BTreeMap<String, u64>> {
        let key = reservations_key(account_id);
        self.query(|mut redis| Box::pin(async move { redis.hgetall(key).await })).await
    }
}

fn job_key(content_hash: &str) -> String {
    format!("batch:{content_hash}")
}

fn reservations_key(account_id: &str) -> String {
    format!("reservations:{account_id}")
}

/// Every error of Redis means that it is unavailable for now.
impl From<redis::RedisError> for Error {
    fn from(error: redis::RedisError) -> Self {
        Self::unavailable(error)
    }
}

impl From<redis::ParsingError> for Error {
    fn from(error: redis::ParsingError) -> Self {
        Self::unavailable(error)
    }
}
