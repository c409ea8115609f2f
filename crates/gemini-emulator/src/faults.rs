//! Faults, which tests arm through `/_control/faults`. No fault is armed at the start.

use std::sync::{Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// A known fault of Gemini or of the connection to it. `docs/GEMINI.md`, "Fault switches", lists them.
///
/// Faults of batches and outputs are drawn at the create, faults of rows when the row is read, all others at the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    // Uploads
    /// The connection ends after half of a chunk.
    UploadDropsChunk,
    /// The reply to a chunk has no `X-Goog-Upload-Status`.
    UploadOmitsStatus,
    /// The file is created, and the connection drops before the reply.
    UploadLosesFinalize,
    /// The file is created, and the reply does not contain it.
    UploadNamesNoFile,
    /// The file is created, and the reply has the status `active`.
    UploadStaysActive,
    /// The session is unknown.
    UploadForgotten,
    /// 429 with a `retryDelay` of 2^63 - 1 seconds.
    StorageFull,
    /// The file is in PROCESSING for `amount` polls.
    FileProcessing,
    /// The file ends in FAILED.
    FileFailed,
    /// GET of an output file is refused because its name is too long.
    OutputFileUnreadable,

    // Creates
    /// The batch is created, and the reply is 500.
    CreateAnswers500,
    /// The batch is created, and the connection drops before the reply.
    CreateHangsUp,
    /// The batch is created, and the reply comes after `amount` milliseconds.
    CreateAnswersLate,
    /// 429 with only `Help`.
    CreateQuota,
    /// 429 with a `RetryInfo` of `amount` seconds.
    CreateRateLimited,
    /// 400 that names an unknown field in line 1.
    CreateLineErrors,
    /// A missing input file is answered with 403 and not with 404.
    CreateFileForbidden,

    // Polls
    /// 503.
    PollUnavailable,
    /// 502 as HTML.
    PollBadGateway,
    /// 404.
    PollNotFound,
    /// The connection drops.
    PollHangsUp,
    /// A state that Google does not document.
    UnknownState,
    /// `JOB_STATE_…` in place of `BATCH_STATE_…`.
    JobStatePrefix,
    /// SUCCEEDED without an output.
    OutputLate,
    /// The output is in `response` only.
    OutputOnlyInResponse,
    /// The output is in `metadata` only.
    OutputOnlyInMetadata,
    /// RUNNING shows how many requests are done.
    GrowingSuccesses,

    // Batches
    /// PENDING until the batch expires.
    StuckPending,
    /// From PENDING to SUCCEEDED without RUNNING.
    NeverRunning,
    /// FAILED with an error.
    BatchFails,
    /// FAILED without an error.
    BatchFailsWithoutError,
    /// A cancel has no effect.
    CancelIgnored,

    // Downloads and outputs
    /// The connection drops after some bytes.
    DownloadHangsUp,
    /// The lines of each pair are swapped.
    OutputShuffled,
    /// Every third line is missing.
    OutputMissesRows,
    /// Every third line is written twice.
    OutputDoublesRows,
    /// The first line has no key, or no metadata if the request was inline.
    OutputKeylessRow,
    /// Errors are under `status` in place of `error`.
    OutputStatusForError,
    /// The file is empty.
    OutputEmpty,
    /// The last 20 bytes are missing.
    OutputCutOff,
    /// A blank line follows each line.
    OutputBlankLines,
    /// Lines end with CR and LF.
    OutputCrlf,

    // Rows
    /// The row is an error; `amount` is its gRPC code, by default 13.
    RowError,
    /// The prompt is blocked.
    RowBlocked,
    /// RECITATION without text.
    RowRecitation,
    /// SAFETY without text.
    RowSafety,
    /// MAX_TOKENS with half of the text.
    RowMaxTokens,
    /// MAX_TOKENS without text.
    RowMaxTokensWithoutText,
    /// The only parts are thoughts.
    RowThoughtsOnly,
    /// The text is in two parts between other parts.
    RowManyParts,
    /// `usageMetadata` is missing.
    RowWithoutUsage,
    /// `modelVersion` names another model.
    RowOtherModel,
    /// The line has more than a megabyte.
    RowLong,
    /// The line has neither a response nor an error.
    RowWithoutResult,

    // Single calls
    /// 503.
    GenerateUnavailable,
    /// 429 with a `RetryInfo` of `amount` seconds.
    GenerateRateLimited,
    /// 504.
    GenerateTimesOut,
    /// The connection drops.
    GenerateHangsUp,
    /// The reply comes after `amount` milliseconds.
    GenerateAnswersLate,
}

/// A fault that is switched on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmedFault {
    pub fault: Fault,
    /// The number of occurrences that are left. `None` means every time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// The number of opportunities to skip first.
    #[serde(default)]
    pub skip: u32,
    /// The probability at each opportunity, from 0 to 1. `seed` determines the sequence.
    #[serde(default = "certain")]
    pub probability: f64,
    #[serde(default)]
    pub seed: u64,
    /// A number whose meaning depends on the fault.
    #[serde(default)]
    pub amount: u32,
}

const fn certain() -> f64 {
    1.0
}

/// The armed faults.
#[derive(Default)]
pub struct Faults {
    armed: Mutex<Vec<(ArmedFault, StdRng)>>,
}

impl Faults {
    pub fn arm(&self, fault: ArmedFault) {
        let generator = StdRng::seed_from_u64(fault.seed);
        self.with(|armed| armed.push((fault, generator)));
    }

    pub fn disarm_all(&self) {
        self.with(Vec::clear);
    }

    pub fn armed(&self) -> Vec<ArmedFault> {
        self.with(|armed| armed.iter().map(|(fault, _)| *fault).collect())
    }

    /// Whether `fault` happens at this opportunity.
    pub fn happens(&self, fault: Fault) -> bool {
        self.draw(fault).is_some()
    }

    /// The amount of `fault`, if it happens at this opportunity.
    pub fn draw(&self, fault: Fault) -> Option<u32> {
        self.with(|armed| {
            let index = armed.iter().position(|(first, _)| first.fault == fault)?;
            let (found, generator) = armed.get_mut(index)?;
            if found.skip > 0 {
                found.skip -= 1;
                return None;
            }
            if !generator.random_bool(found.probability.clamp(0.0, 1.0)) {
                return None;
            }
            let amount = found.amount;
            if let Some(times) = &mut found.times {
                *times = times.saturating_sub(1);
                if *times == 0 {
                    armed.remove(index);
                }
            }
            Some(amount)
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<(ArmedFault, StdRng)>) -> T) -> T {
        act(&mut self.armed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
