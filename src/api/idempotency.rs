//! Idempotent requests: a request repeated with the same `Idempotency-Key` gets the response of the first.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::model::{ErrorCode, UnixMs, hex};

/// A claim without a response for this long was cut off, and the request may run again.
const ANSWER_WAIT_MS: i64 = 120_000;

/// The result of claiming a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdempotencyClaim {
    /// This request is the first. Run it, then call [`IdempotencyKeys::finish`] or [`IdempotencyKeys::abandon`].
    First,
    /// The stored response of the first request.
    Answered(String),
    /// The first request is still running.
    Running,
    /// The key was used for another request.
    Differs,
}

/// The port of idempotency keys and their stored responses.
///
/// # Errors
/// Every method fails with `unavailable` if the store cannot be reached, and with `internal` if the store fails otherwise.
#[async_trait]
pub trait IdempotencyKeys: Send + Sync {
    /// Claims a key. A claim from before `stale` without a response is taken over. Above `keys_max` keys of the account, the oldest that
    /// are answered or stale are deleted.
    async fn begin(
        &self,
        account_id: &str,
        key: &str,
        digest: &str,
        now: UnixMs,
        stale: UnixMs,
        keys_max: u32,
    ) -> Result<IdempotencyClaim>;

    /// Stores the response for a claimed key.
    async fn finish(&self, account_id: &str, key: &str, answer: &str) -> Result<()>;

    /// Releases a claimed key after a failure, so that the request may be sent again.
    async fn abandon(&self, account_id: &str, key: &str) -> Result<()>;
}

/// Runs requests at most once for each key. Cheap to clone.
#[derive(Clone)]
pub struct Idempotency {
    pub keys: Arc<dyn IdempotencyKeys>,
    /// The most keys that are stored for an account.
    pub keys_max: u32,
    pub clock: Arc<dyn Clock>,
}

impl Idempotency {
    /// Runs `answer` and stores its result, or returns the stored result of the first request with this key. For each key, `answer`
    /// succeeds at most once.
    ///
    /// # Errors
    /// `request_in_progress`, `idempotency_key_reused`, and the errors of `answer` and of [`IdempotencyKeys`].
    pub async fn once<A: Serialize + DeserializeOwned>(
        &self,
        account_id: &str,
        key: &str,
        request: &(impl Serialize + Sync),
        answer: impl Future<Output = Result<A>> + Send,
    ) -> Result<A> {
        let digest = hex(&Sha256::digest(serde_json::to_vec(request).map_err(Error::internal)?));
        let now = self.clock.now();
        match self.keys.begin(account_id, key, &digest, now, now.plus(-ANSWER_WAIT_MS), self.keys_max).await? {
            IdempotencyClaim::Answered(answer) => serde_json::from_str(&answer).map_err(Error::internal),
            IdempotencyClaim::Running => {
                let message =
                    "The first request with this Idempotency-Key is still running. Send it again in a moment.";
                Err(Error::refused(ErrorCode::RequestInProgress, message))
            }
            IdempotencyClaim::Differs => {
                let message = "This Idempotency-Key was used for another request. Use a new key for each request.";
                Err(Error::refused(ErrorCode::IdempotencyKeyReused, message))
            }
            IdempotencyClaim::First => {
                let answered = answer.await;
                match &answered {
                    Ok(answer) => {
                        let answer = serde_json::to_string(answer).map_err(Error::internal)?;
                        self.keys.finish(account_id, key, &answer).await?;
                    }
                    Err(_) => self.keys.abandon(account_id, key).await?,
                }
                answered
            }
        }
    }
}
