//! The interface with which the emulator reads pages.

use async_trait::async_trait;

/// Reads pages and images for the emulator.
#[async_trait]
pub trait PageReader: Send + Sync {
    /// Returns the text of each page of a PDF, or of an image, as Markdown. Calls can run concurrently.
    ///
    /// # Errors
    /// - [`ReadError::Unreadable`]: the bytes are no such document.
    /// - [`ReadError::Unavailable`]: the reader cannot work now.
    async fn read(&self, mime_type: &str, bytes: &[u8]) -> Result<Vec<String>, ReadError>;
}

/// Why a page could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The bytes are not a readable document. The emulator answers `INVALID_ARGUMENT`.
    #[error("the input cannot be read")]
    Unreadable,
    /// The reader cannot work now. The emulator answers `UNAVAILABLE`.
    #[error("the reader is unavailable")]
    Unavailable,
}
