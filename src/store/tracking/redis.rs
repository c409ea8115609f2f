//! The mirror in Redis or Valkey, with these keys:
//!
//! | key | type | value |
//! |---|---|---|
//! | `batch:{content_hash}` | string | JSON of a [`TrackedJob`], kept for 48 hours after its last change |
//! | `active_batch_jobs` | set | the contents that have an active job |
//! | `reservations:{user_id}` | hash | content → reserved tokens |
//! | `batch_checked:{content_hash}` | string | exists for 1.5 s after the copy was compared with the database |
//! | `tracking_epoch` | string | exists since the copy was last rebuilt; missing if Redis has lost its data |
//!
//! Keys are always accessed by name. `subscription` has the channels.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use redis::{AsyncCommands, Client, Script, ScriptInvocation};

use super::link::Link;
use super::subscription::{ALL, DUE, NEW_ORIGIN, channel_of};
use super::{TrackedJob, Tracking};
use crate::changes::Change;
use crate::error::{Error, Result};

const ACTIVE: &str = "active_batch_jobs";
const EPOCH: &str = "tracking_epoch";
const LIFETIME_S: u64 = 48 * 3_600;
/// How long a copy counts as current, in milliseconds.
const CHECKED_MS: u64 = 1_500;

/// Identifies this process, so that it ignores its own messages.
#[derive(Clone, Debug)]
pub struct Origin(pub String);

/// A client of Redis as a mirror of jobs.
pub struct Redis {
    link: Link,
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
        let publish = Script::new(include_str!("publish.lua"));
        let forget = Script::new(include_str!("forget.lua"));
        Ok(Self { link: Link::open(url)?, origin, publish, forget })
    }

    /// Checks that Redis answers.
    ///
    /// # Errors
    /// `unavailable` if it does not answer in time.
    pub async fn ping(&self) -> Result<()> {
        self.link.run(|mut redis| Box::pin(async move { redis.ping().await })).await
    }

    /// Whether the copy was rebuilt since Redis last lost its data.
    ///
    /// # Errors
    /// `unavailable` if Redis does not answer in time.
    pub async fn has_epoch(&self) -> Result<bool> {
        self.link.run(|mut redis| Box::pin(async move { redis.exists(EPOCH).await })).await
    }

    /// Marks the copy as rebuilt. Call it before the rebuild: if Redis loses its data meanwhile, it loses the mark too.
    ///
    /// # Errors
    /// `unavailable` if Redis does not answer in time.
    pub async fn mark_epoch(&self) -> Result<()> {
        self.link.run(|mut redis| Box::pin(async move { redis.set(EPOCH, 1).await })).await
    }

    /// Tells other processes that this content has changed.
    ///
    /// # Errors
    /// `unavailable` if Redis does not answer in time.
    pub async fn notify(&self, account_id: &str, content_hash: &str) -> Result<()> {
        let message = self.message(account_id, content_hash);
        let mut publish = redis::pipe();
        publish.publish(channel_of(account_id), &message).ignore().publish(ALL, &message).ignore();
        self.link.run(|mut redis| Box::pin(async move { publish.query_async(&mut redis).await })).await
    }

    /// The client, for subscriptions.
    pub(super) const fn client(&self) -> &Client {
        self.link.client()
    }

    /// The newest job for a content, and whether the copy is current: it was compared with the database a moment ago.
    ///
    /// # Errors
    /// `unavailable` if Redis does not answer in time; `internal` if the copy is malformed.
    pub async fn look(&self, content_hash: &str) -> Result<Option<(TrackedJob, bool)>> {
        let keys = [job_key(content_hash), checked_key(content_hash)];
        let (json, checked): (Option<String>, Option<String>) =
            self.link.run(|mut redis| Box::pin(async move { redis.mget(keys.as_slice()).await })).await?;
        let job = json.map(|json| serde_json::from_str(&json)).transpose().map_err(Error::internal)?;
        Ok(job.map(|job| (job, checked.is_some())))
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
        self.link.run_script(call).await
    }

    fn message(&self, account_id: &str, content_hash: &str) -> String {
        format!("{NEW_ORIGIN}{} {account_id} {content_hash}", self.origin.0)
    }

    /// Parses a message. `None` if it is malformed or of this process.
    pub(super) fn change(&self, message: &str) -> Option<Change> {
        let mut words = message.split(' ');
        let (origin, account_id, content_hash) = (words.next()?, words.next()?, words.next()?);
        let change = || Change { account_id: account_id.to_owned(), content_hash: content_hash.to_owned() };
        (origin.trim_start_matches(NEW_ORIGIN) != self.origin.0).then(change)
    }
}

#[async_trait]
impl Tracking for Redis {
    async fn publish(&self, job: &TrackedJob) -> Result<()> {
        let view = &job.view;
        let mut call = self.publish.key(job_key(&view.content_hash));
        call.key(ACTIVE).key(reservations_key(&job.user_id)).key(checked_key(&view.content_hash));
        call.arg(serde_json::to_string(job).map_err(Error::internal)?).arg(&view.content_hash);
        call.arg(u8::from(view.status.is_active())).arg(job.reserved_tokens).arg(LIFETIME_S);
        call.arg(CHECKED_MS).arg(self.message(&job.user_id, &view.content_hash));
        call.arg(channel_of(&job.user_id)).arg(ALL).arg(DUE);
        self.run(call).await
    }

    async fn tracked(&self, content_hash: &str) -> Result<Option<TrackedJob>> {
        Ok(self.look(content_hash).await?.map(|(job, _)| job))
    }

    async fn active(&self) -> Result<BTreeSet<String>> {
        self.link.run(|mut redis| Box::pin(async move { redis.smembers(ACTIVE).await })).await
    }

    async fn reserved(&self, account_id: &str) -> Result<BTreeMap<String, u64>> {
        let key = reservations_key(account_id);
        self.link.run(|mut redis| Box::pin(async move { redis.hgetall(key).await })).await
    }
}

fn job_key(content_hash: &str) -> String {
    format!("batch:{content_hash}")
}

fn checked_key(content_hash: &str) -> String {
    format!("batch_checked:{content_hash}")
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
