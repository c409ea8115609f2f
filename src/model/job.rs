//! What the outside sees of an extraction job. How a job moves is decided in `jobs::machine`, on the server.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// How a document's pages are read.
// Its name is stored and logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum Mode {
    /// The server reads the document's own text: free, at once.
    Text,
    /// One Gemini call a page, several at a time.
    Realtime,
    /// One Gemini batch job for the document, at half the price.
    Batch,
}

/// The public state of a job; the last three are ends.
// Its name is stored in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "snake_case", const_into_str)]
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

/// What keeps an active job from going on. It waits, and is tried again by itself. Its name is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum BlockedReason {
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

impl BlockedReason {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// They stand in databases of every version.
    #[test]
    fn stored_names_are_what_they_always_were() {
        assert_eq!(
            [Mode::Text, Mode::Realtime, Mode::Batch].map(|mode| mode.into_str()),
            ["text", "realtime", "batch"]
        );
        let names: Vec<_> = BlockedReason::VARIANTS.iter().map(|by| by.into_str()).collect();
        assert_eq!(names, ["google", "quota", "key", "server", "engine_time", "spending"]);
        assert!(BlockedReason::VARIANTS.iter().all(|by| by.into_str().parse() == Ok(*by)));
        let ends = [JobStatus::Succeeded, JobStatus::Failed, JobStatus::Expired];
        assert_eq!(ends.map(|status| status.into_str()), ["succeeded", "failed", "expired"]);
        assert_eq!("realtime".parse(), Ok(Mode::Realtime));
    }
}
