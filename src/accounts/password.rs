//! Passwords as argon2id hashes. Hashing takes memory on purpose, so only a few are hashed at a time.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::error::{Error, Result};

/// Each takes 19 MiB and tens of milliseconds.
static PLACES: Semaphore = Semaphore::const_new(2);

/// The hash to keep of a password.
pub async fn hash(password: String) -> Result<String> {
    work(move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()))
        .await?
        .map_err(fault)
}

/// Whether a password is the one of that hash. Without a hash it takes as long to say no.
pub async fn is_right(password: String, hash: Option<String>) -> Result<bool> {
    work(move || {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODYS.to_owned());
        let hash = PasswordHash::new(&hash).map_err(fault)?;
        Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok() && known)
    })
    .await?
}

/// Of a password that nobody has.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBvbGQgc2FsdA$A0pd7kzGh5X1oL7TZXvKXXM3dHvqpRJVDYyt5gw4gU0";

async fn work<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _place = PLACES.acquire().await.map_err(Error::internal)?;
    spawn_blocking(job).await.map_err(Error::internal)
}

fn fault(error: impl std::fmt::Display) -> Error {
    Error::internal(error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{NOBODYS, hash, is_right};

    #[tokio::test]
    async fn a_password_is_its_own_only_key() {
        let kept = hash("correct horse".into()).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(is_right("correct horse".into(), Some(kept.clone())).await.unwrap());
        assert!(!is_right("correct horse ".into(), Some(kept.clone())).await.unwrap());
        assert_ne!(hash("correct horse".into()).await.unwrap(), kept, "each hash has a salt of its own");
    }

    #[tokio::test]
    async fn nobody_has_the_same_work_done() {
        assert!(!is_right("anything".into(), None).await.unwrap());
        let (kept, nobodys) = (hash("x".into()).await.unwrap(), NOBODYS.to_owned());
        let costs = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(costs(&kept), costs(&nobodys));
    }
}
