//! What the outside sees of an extraction job. How a job moves is decided in `jobs::machine`, on the server.

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

/// What keeps an active job from going on. It waits, and is tried again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hindrance {
    /// Google cannot be reached, or answers with faults of its own.
    Google,
    /// A quota that this server has at Google is used up.
    Quota,
    /// Google does not take the server's key, or its batch was made with another one.
    Key,
    /// Something of the server's own is away: its disk, say.
    Server,
    /// The account has used its time of the page engine for this hour.
    EngineTime,
    /// What this server may spend on Gemini today is spent, or held by requests that are under way.
    Spending,
}

impl Hindrance {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Google, Self::Quota, Self::Key, Self::Server, Self::EngineTime, Self::Spending];

    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Quota => "quota",
            Self::Key => "key",
            Self::Server => "server",
            Self::EngineTime => "engine_time",
            Self::Spending => "spending",
        }
    }

    /// The hindrance of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hindrance| hindrance.name() == name)
    }

    /// What a person is told while it lasts.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Google => "Google can't be reached just now. We keep trying, and nothing is lost.",
            Self::Quota => "Google has no room for this just now. We'll go on as soon as there is some.",
            Self::Key => {
                "Google doesn't take this server's key for it. It waits until whoever runs this server has mended that."
            }
            Self::Server => "Something on our side is in the way just now. We keep trying, and nothing is lost.",
            Self::EngineTime => {
                "Your documents have used the time that an account has in an hour. This one waits and goes on by itself."
            }
            Self::Spending => {
                "This server's daily budget for Gemini is used up. Your document waits and goes on tomorrow."
            }
        }
    }
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
