//! Passwords as argon2id hashes. Hashing needs much memory by design, so only a few are hashed at once and the queue is bounded.

mod strength;

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::error::{Error, Result};
use crate::model::ErrorCode;

/// Passwords hashed at once. Each takes 19 MiB and tens of milliseconds.
const HASHED_AT_ONCE: usize = 2;
/// The most passwords that wait to be hashed, on one server.
const QUEUE_MAX: usize = 32;

/// Checks new passwords, hashes them and verifies them. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    /// One permit for each password that is being hashed or waits.
    queue: Arc<Semaphore>,
    hashing: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new(QUEUE_MAX)
    }
}

impl Passwords {
    /// `queue_max` is the most passwords that wait to be hashed.
    fn new(queue_max: usize) -> Self {
        let queue = HASHED_AT_ONCE.saturating_add(queue_max).min(Semaphore::MAX_PERMITS);
        Self { queue: Arc::new(Semaphore::new(queue)), hashing: Arc::new(Semaphore::new(HASHED_AT_ONCE)) }
    }

    /// Checks a new password and returns its hash. `email` is the address of its account.
    ///
    /// # Errors
    /// `invalid_sign_up` if the password is too short, too long or too easy to guess; `unavailable` if too many passwords wait.
    pub async fn hash_new(&self, password: String, email: &str) -> Result<String> {
        strength::check_length(&password)?;
        let email = email.to_owned();
        self.run(move || {
            strength::check_guesses(&password, &email)?;
            hash(&password)
        })
        .await
    }

    /// The hash of a password that this server generated.
    ///
    /// # Errors
    /// `unavailable` if too many passwords wait.
    pub async fn hash_own(&self, password: String) -> Result<String> {
        self.run(move || hash(&password)).await
    }

    /// Whether the password matches the hash. Without a hash it takes equally long and returns `false`.
    ///
    /// # Errors
    /// `unavailable` if too many passwords wait; `internal` if the stored hash is malformed.
    pub async fn is_right(&self, password: String, hash: Option<String>) -> Result<bool> {
        if password.len() > strength::BYTES_MAX {
            return Ok(false);
        }
        self.run(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| DUMMY_HASH.to_owned());
            let hash = PasswordHash::new(&hash).map_err(internal)?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok() && known)
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let message = "The server is busy with other sign-ins. Try again in a few seconds.";
        let Ok(queued) = self.queue.clone().try_acquire_owned() else {
            return Err(Error::refused(ErrorCode::Unavailable, message));
        };
        let permit = self.hashing.clone().acquire_owned().await.map_err(Error::internal)?;
        // The work holds the permits, because it continues when its caller leaves.
        let running = spawn_blocking(move || {
            let _held = (queued, permit);
            work()
        });
        running.await.map_err(Error::internal)?
    }
}

/// The hash of a password that no account has.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBvbGQgc2FsdA$A0pd7kzGh5X1oL7TZXvKXXM3dHvqpRJVDYyt5gw4gU0";

fn hash(password: &str) -> Result<String> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(internal)
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::internal(error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn password_hashed_is_verified_by_itself_only() {
        let passwords = Passwords::new(8);
        let stored = passwords.hash_own("correct horse".into()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(passwords.is_right("correct horse".into(), Some(stored.clone())).await.unwrap());
        assert!(!passwords.is_right("correct horse ".into(), Some(stored.clone())).await.unwrap());
        assert_ne!(
            passwords.hash_own("correct horse".into()).await.unwrap(),
            stored,
            "each hash has a salt of its own"
        );
    }

    #[tokio::test]
    async fn unknown_address_checked_costs_the_same_hash() {
        let passwords = Passwords::new(8);
        assert!(!passwords.is_right("anything".into(), None).await.unwrap());
        let (stored, dummy) = (passwords.hash_own("x".into()).await.unwrap(), DUMMY_HASH.to_owned());
        let costs = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(costs(&stored), costs(&dummy));
    }

    #[tokio::test]
    async fn password_beyond_the_queue_is_refused_and_the_queue_continues() {
        let passwords = Passwords::new(3);
        let answers = join_all((0..50).map(|_| passwords.is_right("anything".into(), None))).await;
        let refused: Vec<_> = answers.into_iter().filter_map(Result::err).map(Error::public).collect();
        assert_eq!(refused.len(), 50 - HASHED_AT_ONCE - 3);
        assert!(refused.iter().all(|error| error.code == ErrorCode::Unavailable && error.retry_after_s().is_some()));
        assert!(!passwords.is_right("anything".into(), None).await.unwrap());
    }
}
