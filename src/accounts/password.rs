//! Passwords as argon2id hashes. Hashing takes memory on purpose, so only a few are hashed at a time, and few may wait for it.

mod strength;

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::error::{Error, Result};
use crate::model::ErrorCode;

/// Passwords that are hashed at once. Each takes 19 MiB and tens of milliseconds.
const HASHED_AT_ONCE: usize = 2;
/// Passwords that wait to be hashed on one server.
const QUEUE_MAX: usize = 32;

/// Hashes passwords, and looks over new ones. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    /// Being hashed, or waiting for it.
    queue: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new(QUEUE_MAX)
    }
}

impl Passwords {
    /// At most `queue_max` passwords wait to be hashed.
    fn new(queue_max: usize) -> Self {
        let queue = HASHED_AT_ONCE.saturating_add(queue_max).min(Semaphore::MAX_PERMITS);
        Self { queue: Arc::new(Semaphore::new(queue)), places: Arc::new(Semaphore::new(HASHED_AT_ONCE)) }
    }

    /// The hash to keep of a new password for the account of that address.
    ///
    /// # Errors
    ///
    /// `invalid_sign_up` if it is too short or too easy to guess; `unavailable` if too many passwords wait already.
    pub async fn hash_new(&self, password: String, email: &str) -> Result<String> {
        strength::see_length(&password)?;
        let email = email.to_owned();
        self.work(move || {
            strength::see_guesses(&password, &email)?;
            hash(&password)
        })
        .await
    }

    /// The hash to keep of a password that this server has made.
    pub async fn hash_own(&self, password: String) -> Result<String> {
        self.work(move || hash(&password)).await
    }

    /// Whether a password is the one of that hash. Without a hash it takes as long to say no.
    pub async fn is_right(&self, password: String, hash: Option<String>) -> Result<bool> {
        if password.len() > strength::BYTES_MAX {
            return Ok(false);
        }
        self.work(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODYS.to_owned());
            let hash = PasswordHash::new(&hash).map_err(fault)?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok() && known)
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let words = "The server is checking too many passwords at the moment. Try again in a few seconds.";
        let Ok(queued) = self.queue.clone().try_acquire_owned() else {
            return Err(Error::refused(ErrorCode::Unavailable, words));
        };
        let place = self.places.clone().acquire_owned().await.map_err(Error::internal)?;
        // A caller that leaves does not end the work, so the places are held by the work.
        let work = spawn_blocking(move || {
            let _held = (queued, place);
            job()
        });
        work.await.map_err(Error::internal)?
    }
}

/// Of a password that no account has.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBvbGQgc2FsdA$A0pd7kzGh5X1oL7TZXvKXXM3dHvqpRJVDYyt5gw4gU0";

fn hash(password: &str) -> Result<String> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(fault)
}

fn fault(error: impl std::fmt::Display) -> Error {
    Error::internal(error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn a_password_is_its_own_only_key() {
        let passwords = Passwords::new(8);
        let kept = passwords.hash_own("correct horse".into()).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(passwords.is_right("correct horse".into(), Some(kept.clone())).await.unwrap());
        assert!(!passwords.is_right("correct horse ".into(), Some(kept.clone())).await.unwrap());
        assert_ne!(passwords.hash_own("correct horse".into()).await.unwrap(), kept, "each hash has a salt of its own");
    }

    #[tokio::test]
    async fn nobody_has_the_same_work_done() {
        let passwords = Passwords::new(8);
        assert!(!passwords.is_right("anything".into(), None).await.unwrap());
        let (kept, nobodys) = (passwords.hash_own("x".into()).await.unwrap(), NOBODYS.to_owned());
        let costs = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(costs(&kept), costs(&nobodys));
    }

    #[tokio::test]
    async fn password_beyond_the_queue_is_refused_and_the_queue_goes_on() {
        let passwords = Passwords::new(3);
        let answers = join_all((0..50).map(|_| passwords.is_right("anything".into(), None))).await;
        let refused: Vec<_> = answers.into_iter().filter_map(Result::err).map(Error::public).collect();
        assert_eq!(refused.len(), 50 - HASHED_AT_ONCE - 3);
        assert!(refused.iter().all(|error| error.code == ErrorCode::Unavailable && error.retry_after_s().is_some()));
        assert!(!passwords.is_right("anything".into(), None).await.unwrap());
    }
}
