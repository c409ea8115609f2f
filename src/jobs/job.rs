//! The record of one job.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::extract::Recipe;
use crate::model::wire::JobError;
use crate::model::{BlockedReason, JobStatus, Mode, PageSet, UnixMs, notation};

/// One extraction of one document, from acceptance to its end. The row outlives the document, because receipts are read from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: String,
    pub account_id: String,
    /// The upload that the job reads.
    pub upload_hash: String,
    pub content_hash: String,
    pub mode: Mode,
    pub title: String,
    /// How pages are sent to Gemini. Results are stored under its name.
    pub recipe: Recipe,
    /// The number of pages of the file.
    pub total_pages: u32,
    /// The requested pages.
    pub pages: PageSet,
    /// How many of the requested pages had no stored result at submission.
    pub pages_submitted: u32,
    pub submitted_at: UnixMs,
    /// The document that this job will fill. It is chosen at acceptance, so that completing twice cannot make two.
    pub document_id: String,
    pub stage: Stage,
    /// When the job next needs a worker, by the database's time. After a step that is not committed: as the worker's clock expects it.
    pub due_at: UnixMs,
    /// Claims since the last progress, the current one included. A claim that is handed back does not count. Too many mean that the
    /// job crashes its workers.
    pub claims: u32,
    /// The fencing token: the number of the newest claim. Only its holder can change the job.
    pub fence: i64,
    /// Whether the job left Google's batch queue, because its batch did not start or end in time, or ended without results.
    pub requeued: bool,
    /// Why the job waits, if something blocks it.
    pub blocked_by: Option<BlockedReason>,
    /// How often its batches were polled, at least: it is stored only with other changes.
    pub polls: u32,
    /// The network that submitted the job; `None`: loopback, or an earlier version did not record it.
    pub network: Option<String>,
    /// How long the job has waited for the spending ceiling, in milliseconds.
    pub budget_wait_ms: i64,
    /// Whether the job reads pages of an existing document again, at a reader's request. It ignores stored results until it has its own.
    pub rereads: bool,
    /// The pages of the current batch. `None`: the input file is not complete yet, or an earlier version made the batch of all pages.
    pub shard: Option<Shard>,
}

/// The pages of one batch. A large document becomes several, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    #[serde(with = "notation")]
    pub pages: PageSet,
    /// The input tokens that Google is expected to count for them.
    pub tokens: u64,
    /// How many shards of the document were stored before.
    pub stored: u32,
    /// When its input file was complete.
    pub since: UnixMs,
    /// How long it has waited for room in Google's queue, in milliseconds.
    pub waited_ms: i64,
}

/// Where a job is, stored as JSON. A stage holds all that another worker needs to continue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum Stage {
    /// The worker splits pages off the file and writes the input file. `attempt` is the number of the next create.
    Prepare { attempt: u32 },
    /// The input file is on the disk of the machine that wrote it, and the worker uploads it.
    Upload { attempt: u32 },
    /// Google has the input file since `uploaded_at`, by its clock; `None`: it did not say, or an earlier version did not record it. A create
    /// may be sent once the attempt is committed.
    Submit {
        attempt: u32,
        input_file: String,
        #[serde(default)]
        uploaded_at: Option<UnixMs>,
    },
    /// The attempt is committed. Its create may or may not have been sent, with the key of this fingerprint.
    Creating {
        attempt: u32,
        input_file: String,
        #[serde(default)]
        uploaded_at: Option<UnixMs>,
        #[serde(default)]
        key: Option<String>,
    },
    /// The answer to a create was lost, so the worker lists batches and looks for the display name. `empty_listings` did not show it.
    #[serde(rename = "seek")]
    Reconciling {
        attempt: u32,
        input_file: String,
        #[serde(default)]
        uploaded_at: Option<UnixMs>,
        #[serde(default)]
        key: Option<String>,
        empty_listings: u32,
    },
    /// Google has the batch, and the worker polls it.
    #[serde(rename = "watch")]
    Polling(RemoteBatch),
    /// The batch did not start within a day, so the worker cancels it and polls it again.
    #[serde(rename = "withdraw")]
    Cancelling(RemoteBatch),
    /// The batch has results, and the worker downloads and stores them. `tries` downloads have failed.
    #[serde(rename = "collect")]
    Downloading {
        #[serde(default)]
        attempt: u32,
        batch: String,
        input_file: String,
        output_file: String,
        tries: u32,
    },
    /// Realtime mode: each page is stored as soon as it is read. The last `tries` rounds finished no page.
    #[serde(rename = "read")]
    Realtime { tries: u32 },
    /// A batch job whose batch left pages unread, or gave no results: each page is read by a call of its own, at the price of a batch. The
    /// last `tries` rounds finished no page.
    Flex { tries: u32, since: UnixMs },
    /// The document is stored.
    Succeeded,
    /// The job ended without a document.
    Failed { error: JobError },
    /// Google gave up on the batch, or reported nothing about it for days.
    Expired { error: JobError },
}

/// What a job knows of its batch at Google.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteBatch {
    pub attempt: u32,
    pub input_file: String,
    /// The name, `batches/…`.
    pub batch: String,
    /// The fingerprint of the key that made the batch; `None`: an earlier version did not record it. Keys of other projects do not see
    /// the batch (docs/GEMINI.md).
    #[serde(default)]
    pub key: Option<String>,
    /// Whether Google reported at the last poll that the batch has started.
    pub running: bool,
    /// A cancel came too late, because the batch had started. If the batch ends without results, its pages are read another way.
    #[serde(rename = "withdrawn")]
    pub cancel_failed: bool,
    /// When the batch was created or found. Time in which no worker attended to the job is added.
    pub since: UnixMs,
    /// Since when Google has reported success without an output file, or no known state after its own deadline.
    pub odd_since: Option<UnixMs>,
    /// When the current run of denials began: Google says that it does not know the batch.
    #[serde(default)]
    pub denied_since: Option<UnixMs>,
    /// How many denials there were since then. A clock that jumps makes a short time long, but it makes no denials.
    #[serde(default)]
    pub denials: u32,
}

impl Stage {
    /// The status that callers see.
    pub const fn status(&self) -> JobStatus {
        match self {
            Self::Prepare { .. }
            | Self::Upload { .. }
            | Self::Submit { .. }
            | Self::Creating { .. }
            | Self::Reconciling { .. } => JobStatus::Preparing,
            Self::Polling(remote) if remote.running => JobStatus::Running,
            Self::Polling(_) | Self::Cancelling(_) => JobStatus::Pending,
            Self::Downloading { .. } | Self::Realtime { .. } | Self::Flex { .. } => JobStatus::Running,
            Self::Succeeded => JobStatus::Succeeded,
            Self::Failed { .. } => JobStatus::Failed,
            Self::Expired { .. } => JobStatus::Expired,
        }
    }

    /// The uploaded input file that this stage names.
    pub fn input_file(&self) -> Option<&str> {
        match self {
            Self::Submit { input_file, .. }
            | Self::Creating { input_file, .. }
            | Self::Reconciling { input_file, .. }
            | Self::Downloading { input_file, .. } => Some(input_file),
            Self::Polling(remote) | Self::Cancelling(remote) => Some(&remote.input_file),
            Self::Prepare { .. }
            | Self::Upload { .. }
            | Self::Realtime { .. }
            | Self::Flex { .. }
            | Self::Succeeded
            | Self::Failed { .. }
            | Self::Expired { .. } => None,
        }
    }

    /// When Google got the input file, by its clock, so that each batch of the file is younger; `None`: not known, or no batch is looked for.
    pub const fn uploaded_at(&self) -> Option<UnixMs> {
        match self {
            Self::Submit { uploaded_at, .. }
            | Self::Creating { uploaded_at, .. }
            | Self::Reconciling { uploaded_at, .. } => *uploaded_at,
            _ => None,
        }
    }

    /// The number of the newest attempt; `None` while pages are read by calls of their own, and after the end.
    pub const fn attempt(&self) -> Option<u32> {
        match self {
            Self::Prepare { attempt }
            | Self::Upload { attempt }
            | Self::Submit { attempt, .. }
            | Self::Creating { attempt, .. }
            | Self::Reconciling { attempt, .. }
            | Self::Downloading { attempt, .. } => Some(*attempt),
            Self::Polling(remote) | Self::Cancelling(remote) => Some(remote.attempt),
            Self::Realtime { .. }
            | Self::Flex { .. }
            | Self::Succeeded
            | Self::Failed { .. }
            | Self::Expired { .. } => None,
        }
    }

    /// The name of the batch, once it is known.
    pub fn batch(&self) -> Option<&str> {
        match self {
            Self::Polling(remote) | Self::Cancelling(remote) => Some(&remote.batch),
            Self::Downloading { batch, .. } => Some(batch),
            _ => None,
        }
    }

    /// The fingerprint of the key that made the batch of this stage, or may have made one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Creating { key, .. } | Self::Reconciling { key, .. } => key.as_deref(),
            Self::Polling(remote) | Self::Cancelling(remote) => remote.key.as_deref(),
            _ => None,
        }
    }

    /// Why the job failed or expired; `None` at every other stage.
    pub fn error(&self) -> Option<JobError> {
        match self {
            Self::Failed { error } | Self::Expired { error } => Some(error.clone()),
            _ => None,
        }
    }
}

/// The ids of a new job, of the document that it will fill, and of what it reads.
#[derive(Clone, Debug)]
pub struct JobIds {
    pub id: String,
    pub account_id: String,
    pub upload_hash: String,
    pub content_hash: String,
    pub document_id: String,
}

impl Job {
    /// A job that was accepted at `now` and is due at once. It has no title and no network, and `pages` are all pages of its file.
    pub fn new(ids: JobIds, mode: Mode, recipe: Recipe, pages: PageSet, now: UnixMs) -> Self {
        let JobIds { id, account_id, upload_hash, content_hash, document_id } = ids;
        let page_count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        Self {
            id,
            account_id,
            upload_hash,
            content_hash,
            mode,
            title: String::new(),
            recipe,
            total_pages: page_count,
            pages,
            pages_submitted: page_count,
            submitted_at: now,
            document_id,
            stage: if mode == Mode::Batch { Stage::Prepare { attempt: 1 } } else { Stage::Realtime { tries: 0 } },
            due_at: now,
            claims: 0,
            fence: 0,
            requeued: false,
            blocked_by: None,
            polls: 0,
            network: None,
            budget_wait_ms: 0,
            rereads: false,
            shard: None,
        }
    }

    /// The job, made to read its pages again into an existing document. In batch mode it begins with calls at the price of a batch: a batch
    /// asks for all pages in one way, and each of these pages has its own.
    pub fn rereading(self, document_id: String) -> Self {
        let stage = match self.mode {
            Mode::Batch => Stage::Flex { tries: 0, since: self.submitted_at },
            _ => self.stage,
        };
        Self { document_id, stage, rereads: true, ..self }
    }

    /// How many shards of the document are stored.
    pub fn shards_stored(&self) -> u32 {
        self.shard.as_ref().map_or(0, |shard| shard.stored)
    }

    /// How long the job has been due; 0 if it is not.
    pub fn waited(&self, now: UnixMs) -> Duration {
        Duration::from_millis(now.0.saturating_sub(self.due_at.0).try_into().unwrap_or_default())
    }

    /// The status that callers see.
    pub const fn status(&self) -> JobStatus {
        self.stage.status()
    }

    /// The display name of the batch of an attempt.
    pub fn batch_name(&self, attempt: u32) -> String {
        batch_name(&self.id, attempt)
    }

    /// The name of the input file on a disk. Each shard of the document has its own: a disk may still have the file of an earlier shard.
    pub fn input_file_name(&self) -> String {
        format!("{}.{}.input.jsonl", self.id, self.shards_stored())
    }

    /// The display name of the input file that the holder of this claim uploads.
    pub fn input_name(&self, attempt: u32) -> String {
        format!("{}{}", input_name_prefix(&self.id, attempt), self.fence)
    }

    /// Whether `name` is the display name of an input file that an earlier claim uploaded for this attempt.
    pub fn is_earlier_input(&self, attempt: u32, name: &str) -> bool {
        let fence = name.strip_prefix(&input_name_prefix(&self.id, attempt));
        fence.and_then(|fence| fence.parse::<i64>().ok()).is_some_and(|fence| fence < self.fence)
    }
}

/// The display name of the batch of a job's attempt. No other attempt has it.
pub(crate) fn batch_name(job_id: &str, attempt: u32) -> String {
    format!("coldbrew-{job_id}-{attempt}")
}

/// The prefix of the display names of an attempt's input files.
pub(crate) fn input_name_prefix(job_id: &str, attempt: u32) -> String {
    format!("{}.", batch_name(job_id, attempt))
}
