//! Requests with an `Idempotency-Key`: one that is sent again gets the answer of the first.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::model::{ErrorCode, UnixMs, hex};

/// A request whose answer has not come for this long was cut off, and may be answered anew.
const ANSWER_WAIT_MS: i64 = 120_000;

/// What a request with an `Idempotency-Key` finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdempotencyClaim {
    /// It is the first: answer it, then [`IdempotencyKeys::finish`] or [`IdempotencyKeys::abandon`].
    First,
    /// It was answered with this.
    Answered(String),
    /// The first is being answered at this moment.
    Running,
    /// The key was used for another request.
    Differs,
}

/// The port of request keys, and of the answers that were given under them.
#[async_trait]
pub trait IdempotencyKeys: Send + Sync {
    /// Claims a request key. A claim from before `stale` whose answer never came is taken over. Of more than `keys_max` keys of the
    /// account, the oldest that are answered or stale are forgotten.
    async fn begin(
        &self,
        account_id: &str,
        key: &str,
        digest: &str,
        now: UnixMs,
        stale: UnixMs,
        keys_max: u32,
    ) -> Result<IdempotencyClaim>;

    /// Records the answer of a claimed key.
    async fn finish(&self, account_id: &str, key: &str, answer: &str) -> Result<()>;

    /// Gives a claimed key back: the request was refused, and may be sent again.
    async fn abandon(&self, account_id: &str, key: &str) -> Result<()>;
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Idempotency {
    pub keys: Arc<dyn IdempotencyKeys>,
    /// Answers that are kept of an account.
    pub keys_max: u32,
    pub clock: Arc<dyn Clock>,
}

impl Idempotency {
    /// Answers a request of the account's, or gives the answer that the first request with this key got. `answer` runs at most once for
    /// a key, unless it fails.
    ///
    /// # Errors
    /// `request_in_progress`, `idempotency_key_reused`, and those of `answer`.
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
                let words = "The first request with this Idempotency-Key is being answered. Send it again in a moment.";
                Err(Error::refused(ErrorCode::RequestInProgress, words))
            }
            IdempotencyClaim::Differs => {
                let words = "This Idempotency-Key was used for another request. Use a new key for each request.";
                Err(Error::refused(ErrorCode::IdempotencyKeyReused, words))
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
