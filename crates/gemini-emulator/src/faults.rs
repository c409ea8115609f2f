//! Faults, which tests arm through `/_control/faults`. No fault is armed at the start.
//!
//! `armed` has the armed faults and decides when they happen. `mix` arms several faults together.

mod armed;
mod mix;

use serde::{Deserialize, Serialize};

pub(crate) use armed::{ArmedFault, Faults};
pub use mix::FaultMix;

/// A known fault of Gemini or of the connection to it. `docs/GEMINI.md`, "Fault switches", lists them.
///
/// Faults of batches and outputs are drawn at the create, faults of rows when the row is read, all others at the request. Faults of
/// content follow from the text of the page and the seed, so they meet the same pages again, in batches and in single calls.
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
    /// The reply counts `amount` requests less than the input has, and their rows never appear. `amount` is at least 1.
    CreateCountsFewer,
    /// A request or line with the field `store` is refused, in single calls and at the create.
    StoreRefused,

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
    /// RUNNING beyond 48 hours, until a cancel.
    BatchRunsForever,
    /// EXPIRED when the batch would have succeeded.
    BatchExpires,

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

    // Rows and, where it makes sense, single calls
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
    /// The line is missing.
    RowMissing,

    // Content
    /// RECITATION without text: always for this page and the model that is asked for it first. Another model reads it, and so does
    /// the same one if a text part of the prompt has the text of the page.
    RowRecitationSticky,
    /// The page begins, then one unit repeats until the limit, with MAX_TOKENS.
    RowLoops,
    /// The same, but the answer ends earlier, with STOP.
    RowLoopsStop,
    /// Tables, line breaks and notes are HTML.
    RowHtml,
    /// The largest heading of each page is of the first level.
    RowDriftedHeadings,

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

    // Flex calls
    /// 503.
    FlexUnavailable,
    /// 429 without details.
    FlexExhausted,
    /// The answer comes `amount` milliseconds later.
    FlexDelayed,
    /// The standard tier serves the call.
    FlexServedAsStandard,
}
