//! Tracking in Redis or Valkey, under these names:
//!
//! | key | type | |
//! |---|---|---|
//! | `batch:{content_hash}` | string | JSON of a [`TrackedJob`]; kept for 48 hours from its last change |
//! | `active_batch_jobs` | set | the contents whose job still needs work |
//! | `reservations:{user_id}` | hash | content → reserved tokens |
//! | `tracking_epoch` | string | there since the copy was last made; not there: everything was lost |
//!
//! Processes hear of each other's changes on the channel `job_changes`. Keys are always asked for by name.

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
/// A submission waits for this at most: what is not made known now is made known later.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Uses the server at `redis://…`, whether or not it is there yet. Connecting may take longer than a request waits: the next request finds
/// the connection made.
pub(super) fn connect(url: &str) -> Result<(Client, ConnectionManager)> {
    let client = Client::open(url).map_err(Error::internal)?;
    let settings = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(TIMEOUT))
        .set_response_timeout(Some(TIMEOUT))
        .set_number_of_retries(0);
    let connection = ConnectionManager::new_lazy_with_config(client.clone(), settings).map_err(Error::internal)?;
    Ok((client, connection))
}

/// Tells processes apart, so that none hears itself.
#[derive(Clone, Debug)]
pub struct Origin(pub String);

/// See the module.
pub struct Redis {
    client: Client,
    connection: ConnectionManager,
    origin: Origin,
    publish: Script,
    forget: Script,
}

impl Redis {
    /// Uses the server at `redis://…`, whether or not it is there yet.
    pub fn open(url: &str, origin: Origin) -> Result<Self> {
        let (client, connection) = connect(url)?;
        let publish = Script::new(include_str!("publish.lua"));
        let forget = Script::new(include_str!("forget.lua"));
        Ok(Self { client, connection, origin, publish, forget })
    }

    /// Whether it answers.
    pub async fn ping(&self) -> Result<()> {
        self.ask(|mut redis| Box::pin(async move { redis.ping().await })).await
    }

    /// Whether the copy of the record was made since everything was lost.
    pub async fn has_epoch(&self) -> Result<bool> {
        self.ask(|mut redis| Box::pin(async move { redis.exists(EPOCH).await })).await
    }

    /// Marks the copy as made. To be called before it is: what is lost meanwhile takes the mark along.
    pub async fn mark_epoch(&self) -> Result<()> {
        self.ask(|mut redis| Box::pin(async move { redis.set(EPOCH, 1).await })).await
    }

    /// Tells other processes that something of this content has changed.
    pub async fn ring(&self, account_id: &str, content_hash: &str) -> Result<()> {
        let message = self.message(account_id, content_hash);
        self.ask(|mut redis| Box::pin(async move { redis.publish(CHANNEL, message).await })).await
    }

    /// Hears of changes in other processes, for as long as the connection lasts.
    pub async fn listen(&self, mut heard: impl FnMut(Change) + Send) -> Result<()> {
        let mut channel = self.client.get_async_pubsub().await?;
        channel.subscribe(CHANNEL).await?;
        let mut messages = channel.into_on_message();
        while let Some(message) = messages.next().await {
            if let Some(change) = self.change(&message.get_payload::<String>()?) {
                heard(change);
            }
        }
        Ok(())
    }

    /// Forgets the job of a content that is on record no more.
    pub async fn forget(&self, content_hash: &str) -> Result<()> {
        let known = self.tracked(content_hash).await?;
        let (user_id, id) = known.map(|job| (job.user_id, job.view.id)).unwrap_or_default();
        let mut call = self.forget.key(job_key(content_hash));
        call.key(ACTIVE).key(reservations_key(&user_id)).arg(content_hash).arg(id);
        self.run(call).await
    }

    /// Runs a script, in time or not at all.
    async fn run(&self, call: ScriptInvocation<'_>) -> Result<()> {
        let mut redis = self.connection.clone();
        let ran = tokio::time::timeout(TIMEOUT, call.invoke_async::<()>(&mut redis)).await;
        Ok(ran.map_err(Error::unavailable)??)
    }

    fn message(&self, account_id: &str, content_hash: &str) -> String {
        format!("{} {account_id} {content_hash}", self.origin.0)
    }

    /// What another process said.
    fn change(&self, message: &str) -> Option<Change> {
        let mut words = message.split(' ');
        let (origin, account_id, content_hash) = (words.next()?, words.next()?, words.next()?);
        let change = || Change { account_id: account_id.to_owned(), content_hash: content_hash.to_owned() };
        (origin != self.origin.0).then(change)
    }

    /// One question, answered in time or not at all.
    async fn ask<T: FromRedisValue>(
        &self,
        question: impl FnOnce(ConnectionManager) -> RedisFuture<'static, T>,
    ) -> Result<T> {
        let answer = tokio::time::timeout(TIMEOUT, question(self.connection.clone())).await;
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
        let json: Option<String> = self.ask(|mut redis| Box::pin(async move { redis.get(key).await })).await?;
        json.map(|json| serde_json::from_str(&json)).transpose().map_err(Error::internal)
    }

    async fn active(&self) -> Result<BTreeSet<String>> {
        self.ask(|mut redis| Box::pin(async move { redis.smembers(ACTIVE).await })).await
    }

    async fn reserved(&self, account_id: &str) -> Result<BTreeMap<String, u64>> {
        let key = reservations_key(account_id);
        self.ask(|mut redis| Box::pin(async move { redis.hgetall(key).await })).await
    }
}

fn job_key(content_hash: &str) -> String {
    format!("batch:{content_hash}")
}

fn reservations_key(account_id: &str) -> String {
    format!("reservations:{account_id}")
}

/// Whatever Redis says, it is a dependency that is away, and comes back.
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
