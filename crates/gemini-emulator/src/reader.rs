//! How the emulator sees what is on a page.

use async_trait::async_trait;

/// Reads pages and images. Given to the emulator by whoever starts it.
#[async_trait]
pub trait PageReader: Send + Sync {
    /// The text of each page of a PDF, or of an image, as Markdown. May be called several times at once.
    async fn read(&self, mime_type: &str, bytes: &[u8]) -> Result<Vec<String>, ReadError>;
}

/// Why a page could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The bytes are at fault; the caller is told so.
    #[error("the input cannot be read")]
    Unreadable,
    /// The reader is at fault; the caller is told to try again.
    #[error("the reader is unavailable")]
    Unavailable,
}
