//! The error of every use case: what is for the caller, and what is for the log.
//!
//! - [`Error::Refused`]: the caller did something, or asked for something, that has an answer in words. Made where it is
//!   noticed, shown as it is.
//! - [`Error::Unavailable`]: something we depend on is away. The caller gets one fixed sentence and 503; the log gets the cause.
//! - [`Error::Internal`]: a fault of ours. The caller gets one fixed sentence and 500; the log gets the cause.
//!
//! `?` on a foreign error never reaches a caller's eyes: only [`Error::public`] makes words for outside.

use std::time::Duration;

use crate::model::{ApiError, ErrorCode};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Refused(#[from] ApiError),
    #[error("unavailable: {0}")]
    Unavailable(#[source] Cause),
    #[error("internal: {0}")]
    Internal(#[source] Cause),
}

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Refuses with this code and sentence.
    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Refused(ApiError::new(code, message))
    }

    /// Refuses for now, with a sentence that ends in how long to wait. A part of a second counts as a whole one.
    pub fn too_many(happened: &str, wait: Duration) -> Self {
        let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1);
        let message = format!("{happened} Try again in {seconds} s.");
        Self::Refused(ApiError::new(ErrorCode::TooManyRequests, message).after(seconds))
    }

    /// A fault of ours, for the log.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    /// A dependency that is away, for the log.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// What the caller is told. Logs what they are not told.
    pub fn public(self) -> ApiError {
        match self {
            Self::Refused(error) => error,
            Self::Unavailable(cause) => {
                tracing::warn!(cause = %cause, "a dependency is unavailable");
                ApiError::new(
                    ErrorCode::Unavailable,
                    "Coldbrew is short of something it needs. Please try again in a moment.",
                )
            }
            Self::Internal(cause) => {
                tracing::error!(cause = %cause, "internal error");
                ApiError::new(ErrorCode::Internal, "Something went wrong on our side. Nothing was charged.")
            }
        }
    }
}

/// Files of ours that cannot be read or written: the disk is full or away.
impl From<std::io::Error> for Error {
    fn from(cause: std::io::Error) -> Self {
        Self::unavailable(cause)
    }
}
