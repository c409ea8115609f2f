//! What the outside sees of an extraction job. How a job moves is decided in `batch::machine`, on the server.

use serde::{Deserialize, Serialize};

/// How a document's pages are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum Mode {
    /// The server reads the document's own text: free, at once.
    Text,
    /// One Gemini call a page, several at a time.
    Realtime,
    /// One Gemini batch job for the document, at half the price.
    Batch,
}

impl Mode {
    /// The stored and logged name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Realtime => "realtime",
            Self::Batch => "batch",
        }
    }

    /// The mode of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Text, Self::Realtime, Self::Batch].into_iter().find(|mode| mode.name() == name)
    }
}

/// The public state of a job; the last three are ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum JobStatus {
    /// Accepted; pages are being prepared or handed to Google.
    Preparing,
    /// Google has it and has not started.
    Pending,
    /// Google (or, in realtime mode, this server) is reading pages.
    Running,
    /// The document is stored.
    Succeeded,
    /// It ended without a document; nothing was charged.
    Failed,
    /// Google gave up on it; nothing was charged.
    Expired,
}

impl JobStatus {
    /// Whether work is still to come.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Preparing | Self::Pending | Self::Running)
    }

    /// A word or two for a badge.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Preparing => "Preparing",
            Self::Pending => "In line",
            Self::Running => "Reading",
            Self::Succeeded => "Done",
            Self::Failed => "Failed",
            Self::Expired => "Expired",
        }
    }
}
