//! What can go wrong, and whether it does now. Armed through `/_control/faults`; nothing is armed at the start.

use std::sync::{Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// A fault that Gemini, or the way to it, is known to have. Those of a batch's output are drawn when the batch is created,
/// those of rows when the row is read, all others when the request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    // Uploads
    /// The connection ends after half of a chunk.
    UploadDropsChunk,
    UploadOmitsStatus,
    /// The file is there, the answer is not.
    UploadLosesFinalize,
    /// The file is there, the answer does not name it.
    UploadNamesNoFile,
    /// The finalized upload is answered as if it went on.
    UploadStaysActive,
    /// The session is forgotten.
    UploadForgotten,
    /// 429 with an endless `RetryInfo`.
    StorageFull,
    /// PROCESSING for `amount` looks.
    FileProcessing,
    FileFailed,
    /// GET of an output file: its name is too long.
    OutputFileUnreadable,

    // Creates
    /// The batch exists, the answer is 500.
    CreateAnswers500,
    /// The batch exists, there is no answer.
    CreateHangsUp,
    /// 429 with nothing but `Help`.
    CreateQuota,
    /// 429 with `RetryInfo`.
    CreateRateLimited,
    CreateLineErrors,
    /// A missing input file is answered with 403, not 404.
    CreateFileForbidden,

    // Looks at a batch
    PollUnavailable,
    PollBadGateway,
    PollNotFound,
    PollHangsUp,
    /// `BATCH_STATE_…` that nobody has heard of.
    UnknownState,
    JobStatePrefix,
    /// SUCCEEDED, but the output is named nowhere yet.
    OutputLate,
    OutputOnlyInResponse,
    OutputOnlyInMetadata,
    /// RUNNING shows how many requests are done.
    GrowingSuccesses,

    // Batches
    StuckPending,
    NeverRunning,
    BatchFails,
    BatchFailsWithoutError,
    /// It goes on after a cancel.
    CancelIgnored,

    // Downloads and outputs
    DownloadHangsUp,
    OutputShuffled,
    OutputMissesRows,
    OutputDoublesRows,
    /// The first row is without its key, or without its metadata if it came inline.
    OutputKeylessRow,
    OutputStatusForError,
    OutputEmpty,
    OutputCutOff,
    OutputBlankLines,
    OutputCrlf,

    // Rows
    /// A row's error; `amount` is the gRPC number, 13 if none is given.
    RowError,
    RowBlocked,
    RowRecitation,
    RowSafety,
    RowMaxTokens,
    RowMaxTokensWithoutText,
    RowThoughtsOnly,
    RowManyParts,
    RowWithoutUsage,
    RowOtherModel,
    /// A line of more than a megabyte.
    RowLong,
    /// Neither a response nor an error.
    RowWithoutResult,

    // Single calls
    GenerateUnavailable,
    GenerateRateLimited,
    GenerateTimesOut,
    GenerateHangsUp,
}

/// A fault that is waiting.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Armed {
    pub fault: Fault,
    /// How often it is still to happen; `None`: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// How many chances to let pass before.
    #[serde(default)]
    pub skip: u32,
    /// How likely it is at each chance, by a sequence that `seed` determines.
    #[serde(default = "certain")]
    pub probability: f64,
    #[serde(default)]
    pub seed: u64,
    /// What this is depends on the fault.
    #[serde(default)]
    pub amount: u32,
}

const fn certain() -> f64 {
    1.0
}

/// All that are armed.
#[derive(Default)]
pub struct Faults {
    armed: Mutex<Vec<(Armed, StdRng)>>,
}

impl Faults {
    pub fn arm(&self, fault: Armed) {
        let generator = StdRng::seed_from_u64(fault.seed);
        self.with(|armed| armed.push((fault, generator)));
    }

    pub fn disarm_all(&self) {
        self.with(Vec::clear);
    }

    pub fn armed(&self) -> Vec<Armed> {
        self.with(|armed| armed.iter().map(|(fault, _)| *fault).collect())
    }

    /// Whether `fault` happens at this chance.
    pub fn happens(&self, fault: Fault) -> bool {
        self.draw(fault).is_some()
    }

    /// The amount of `fault`, if it happens at this chance.
    pub fn draw(&self, fault: Fault) -> Option<u32> {
        self.with(|armed| {
            let index = armed.iter().position(|(waiting, _)| waiting.fault == fault)?;
            let (waiting, generator) = armed.get_mut(index)?;
            if waiting.skip > 0 {
                waiting.skip -= 1;
                return None;
            }
            if !generator.random_bool(waiting.probability.clamp(0.0, 1.0)) {
                return None;
            }
            let amount = waiting.amount;
            if let Some(times) = &mut waiting.times {
                *times = times.saturating_sub(1);
                if *times == 0 {
                    armed.remove(index);
                }
            }
            Some(amount)
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<(Armed, StdRng)>) -> T) -> T {
        act(&mut self.armed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
