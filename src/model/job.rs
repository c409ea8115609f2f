//! What callers see of an extraction job. Its transitions are in `jobs::machine`, on the server.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// How a document's pages are read.
// Its name is stored and logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum Mode {
    /// The server reads the file's own text, free and at once.
    Text,
    /// One Gemini request for each page, several at a time.
    Realtime,
    /// One Gemini batch for the document, at half the price.
    Batch,
}

/// The public status of a job. The last three are final.
// Its name is stored in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "snake_case", const_into_str)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum JobStatus {
    /// The job is accepted; its pages are being prepared or sent to Google.
    Preparing,
    /// Google has the batch and has not started it.
    Pending,
    /// Pages are being read: by Google's batch or, in realtime mode, by requests of this server.
    Running,
    /// The document is stored.
    Succeeded,
    /// The job ended without a document. Nothing was charged.
    Failed,
    /// Google's batch expired. Nothing was charged.
    Expired,
}

/// Why an active job waits. The job retries by itself. The variants' names are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum BlockedReason {
    /// Google cannot be reached, or it answers with server errors.
    Google,
    /// This server's quota at Google is used up.
    Quota,
    /// Google refuses the server's key, or the batch was created with another key.
    Key,
    /// A part of the server does not work, for example its disk.
    Server,
    /// The account has used its engine time of this hour.
    EngineTime,
    /// Today's spending ceiling is spent, or held by running requests.
    Spending,
    /// Google's batch queue has no room for the pages: other batches of this server are in it.
    QueueFull,
}

impl BlockedReason {
    /// The sentence for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Google => "Google can't be reached right now. We keep trying, and nothing is lost.",
            Self::Quota => "Google has no capacity right now. Reading continues as soon as it has some.",
            Self::Key => "This server's Google key was refused. The operator has to fix it; your document waits.",
            Self::Server => "Something on our side isn't working right now. We keep trying, and nothing is lost.",
            Self::EngineTime => {
                "Your documents have used this hour's reading time. This one waits, and continues by itself."
            }
            Self::Spending => {
                "This server's daily budget for Gemini is used up. Your document waits, and continues tomorrow."
            }
            Self::QueueFull => "Google's queue for this server is full. Your pages follow as soon as there is room.",
        }
    }
}

impl JobStatus {
    /// Whether the job is still to end.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Preparing | Self::Pending | Self::Running)
    }

    /// The text of the badge.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Preparing => "Preparing",
            Self::Pending => "Waiting at Google",
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

    /// Databases of every version contain these names.
    #[test]
    fn stored_names_never_change() {
        assert_eq!(
            [Mode::Text, Mode::Realtime, Mode::Batch].map(|mode| mode.into_str()),
            ["text", "realtime", "batch"]
        );
        let names: Vec<_> = BlockedReason::VARIANTS.iter().map(|by| by.into_str()).collect();
        assert_eq!(names, ["google", "quota", "key", "server", "engine_time", "spending", "queue_full"]);
        assert!(BlockedReason::VARIANTS.iter().all(|by| by.into_str().parse() == Ok(*by)));
        let ends = [JobStatus::Succeeded, JobStatus::Failed, JobStatus::Expired];
        assert_eq!(ends.map(|status| status.into_str()), ["succeeded", "failed", "expired"]);
        assert_eq!("realtime".parse(), Ok(Mode::Realtime));
    }
}
