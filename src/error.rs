//! The error of every use case, with what the caller gets and what the log gets.
//!
//! - [`Error::Refused`]: the request cannot be carried out, for a reason that the caller can understand. The caller gets its code and
//!   sentence.
//! - [`Error::Unavailable`]: a dependency failed. The caller gets one fixed sentence and 503; the log gets the cause.
//! - [`Error::Internal`]: a bug or a broken state of the server. The caller gets one fixed sentence and 500; the log gets the cause.
//!
//! The cause of an error never reaches a caller: only [`Error::public`] makes an answer of an error.

use std::time::Duration;

use crate::model::{ApiError, ErrorCode};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The error of every use case.
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
    /// An error with this code, and this sentence for the caller.
    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Refused(ApiError::new(code, message))
    }

    /// The error of a limit that holds for a time. Its sentence is `happened`, followed by the wait in seconds, rounded up and at least 1.
    pub fn too_many(happened: &str, wait: Duration) -> Self {
        let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1);
        let message = format!("{happened} Try again in {seconds} s.");
        Self::Refused(ApiError::new(ErrorCode::TooManyRequests, message).after(seconds))
    }

    /// An internal error. Only the log gets the cause.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    /// The error of a dependency that failed. Only the log gets the cause.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// The error for the caller. The cause of an unavailable or internal error is logged.
    pub fn public(self) -> ApiError {
        match self {
            Self::Refused(error) => error,
            Self::Unavailable(cause) => {
                tracing::warn!(cause = %cause, "a dependency is unavailable");
                ApiError::new(
                    ErrorCode::Unavailable,
                    "A part of the server is not available right now. Try again in a moment.",
                )
            }
            Self::Internal(cause) => {
                tracing::error!(cause = %cause, "internal error");
                ApiError::new(
                    ErrorCode::Internal,
                    "Something went wrong on our side. Nothing was charged. Try again in a moment.",
                )
            }
        }
    }
}

/// A file of the server cannot be read or written: the disk is full or fails.
impl From<std::io::Error> for Error {
    fn from(cause: std::io::Error) -> Self {
        Self::unavailable(cause)
    }
}
