//! The durable record of one extraction.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::extract::Recipe;
use crate::model::wire::JobError;
use crate::model::{BlockedReason, JobStatus, Mode, PageSet, UnixMs};

/// One extraction of one document, from acceptance to its end. Kept for good: receipts are made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: String,
    pub account_id: String,
    /// The upload it reads.
    pub upload_hash: String,
    pub content_hash: String,
    pub mode: Mode,
    pub title: String,
    /// How its pages are put to Gemini, and what their results are kept by.
    pub recipe: Recipe,
    /// How many pages the file has.
    pub total_pages: u32,
    /// The pages that were asked for.
    pub pages: PageSet,
    /// How many of them were not free at submission.
    pub pages_submitted: u32,
    pub submitted_at: UnixMs,
    /// The document that this job will become: chosen at acceptance, so that completing twice cannot make two.
    pub document_id: String,
    pub stage: Stage,
    /// When it next needs a worker.
    pub due_at: UnixMs,
    /// How often a worker took it up without bringing a step to an end. Too often means that it kills its workers.
    pub claims: u32,
    /// Number of the newest claim. Only its holder may change the job.
    pub fence: i64,
    /// It waited a day at Google and was submitted once again.
    pub requeued: bool,
    /// What is in its way just now.
    pub blocked_by: Option<BlockedReason>,
    /// How often its batch was looked at.
    pub polls: u32,
    /// The network that it was submitted from; `None`: loopback, or an earlier version did not record it.
    pub network: Option<String>,
    /// How long it has waited for the budget, in milliseconds.
    pub budget_wait_ms: i64,
}

/// Where a job is. What each stage holds is all that a fresh worker needs to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum Stage {
    /// Its pages are to be split and written to the input file. `attempt` is the number of the next create.
    Prepare { attempt: u32 },
    /// The input file is on this machine's disk and is to be uploaded.
    Upload { attempt: u32 },
    /// The input is uploaded. A create may be sent once the attempt is on record.
    Submit { attempt: u32, input_file: String },
    /// The attempt is on record: its create may or may not have been sent, with the key of that fingerprint.
    Creating {
        attempt: u32,
        input_file: String,
        #[serde(default)]
        key: Option<String>,
    },
    /// The answer of a create was lost: its batch is looked for by name.
    #[serde(rename = "seek")]
    Reconciling {
        attempt: u32,
        input_file: String,
        #[serde(default)]
        key: Option<String>,
        empty_listings: u32,
    },
    /// Google has the batch.
    #[serde(rename = "watch")]
    Polling(RemoteBatch),
    /// Google left it waiting for a day: it is cancelled there, and looked at once more.
    #[serde(rename = "withdraw")]
    Cancelling(RemoteBatch),
    /// Google finished: the results are to be fetched and stored.
    #[serde(rename = "collect")]
    Downloading {
        #[serde(default)]
        attempt: u32,
        batch: String,
        input_file: String,
        output_file: String,
        tries: u32,
    },
    /// Realtime mode: pages are read one by one, each stored as it comes.
    #[serde(rename = "read")]
    Realtime { tries: u32 },
    /// The document is stored.
    Succeeded,
    /// It ended without a document.
    Failed { error: JobError },
    /// Google gave up on it.
    Expired { error: JobError },
}

/// A batch that Google has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteBatch {
    pub attempt: u32,
    pub input_file: String,
    /// `batches/…`
    pub batch: String,
    /// The fingerprint of the key that it was made with: to keys of other projects it does not exist. Not on record for old ones.
    #[serde(default)]
    pub key: Option<String>,
    pub running: bool,
    /// A cancel came too late, because the batch had started. Whatever its end, the job is not requeued.
    #[serde(rename = "withdrawn")]
    pub cancel_failed: bool,
    pub since: UnixMs,
    /// Since when Google says that it is done without saying where, or says nothing long after its time.
    pub odd_since: Option<UnixMs>,
    /// Since when Google denies knowing it, each time that it was asked.
    #[serde(default)]
    pub denied_since: Option<UnixMs>,
    /// How often that was. A clock that jumps makes a long time of a short one, but not many denials of one.
    #[serde(default)]
    pub denials: u32,
}

impl Stage {
    /// What the outside sees.
    pub const fn status(&self) -> JobStatus {
        match self {
            Self::Prepare { .. }
            | Self::Upload { .. }
            | Self::Submit { .. }
            | Self::Creating { .. }
            | Self::Reconciling { .. } => JobStatus::Preparing,
            Self::Polling(remote) if remote.running => JobStatus::Running,
            Self::Polling(_) | Self::Cancelling(_) => JobStatus::Pending,
            Self::Downloading { .. } | Self::Realtime { .. } => JobStatus::Running,
            Self::Succeeded => JobStatus::Succeeded,
            Self::Failed { .. } => JobStatus::Failed,
            Self::Expired { .. } => JobStatus::Expired,
        }
    }

    /// The uploaded input file that Google still holds for this stage.
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
            | Self::Succeeded
            | Self::Failed { .. }
            | Self::Expired { .. } => None,
        }
    }

    /// The newest attempt to bring it to Google, before and while it is there.
    pub const fn attempt(&self) -> Option<u32> {
        match self {
            Self::Prepare { attempt }
            | Self::Upload { attempt }
            | Self::Submit { attempt, .. }
            | Self::Creating { attempt, .. }
            | Self::Reconciling { attempt, .. }
            | Self::Downloading { attempt, .. } => Some(*attempt),
            Self::Polling(remote) | Self::Cancelling(remote) => Some(remote.attempt),
            Self::Realtime { .. } | Self::Succeeded | Self::Failed { .. } | Self::Expired { .. } => None,
        }
    }

    /// The batch that Google has for this stage.
    pub fn batch(&self) -> Option<&str> {
        match self {
            Self::Polling(remote) | Self::Cancelling(remote) => Some(&remote.batch),
            Self::Downloading { batch, .. } => Some(batch),
            _ => None,
        }
    }

    /// The fingerprint of the key that may have made a batch for this stage.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Creating { key, .. } | Self::Reconciling { key, .. } => key.as_deref(),
            Self::Polling(remote) | Self::Cancelling(remote) => remote.key.as_deref(),
            _ => None,
        }
    }

    /// Why it ended, if it ended badly.
    pub fn error(&self) -> Option<JobError> {
        match self {
            Self::Failed { error } | Self::Expired { error } => Some(error.clone()),
            _ => None,
        }
    }
}

/// The ids that a new job is given, and those of what it reads.
#[derive(Clone, Debug)]
pub struct JobIds {
    pub id: String,
    pub account_id: String,
    pub upload_hash: String,
    pub content_hash: String,
    pub document_id: String,
}

impl Job {
    /// A job that was accepted at `now` and is due at once. It reads all pages of an untitled file, for a caller of no network.
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
        }
    }

    /// For how long it has been due.
    pub fn waited(&self, now: UnixMs) -> Duration {
        Duration::from_millis(now.0.saturating_sub(self.due_at.0).try_into().unwrap_or_default())
    }

    /// What the outside sees.
    pub const fn status(&self) -> JobStatus {
        self.stage.status()
    }

    /// See `batch_name`.
    pub fn batch_name(&self, attempt: u32) -> String {
        batch_name(&self.id, attempt)
    }

    /// The name under which Google lists the input file that the holder of this claim uploads.
    pub fn input_name(&self, attempt: u32) -> String {
        format!("{}{}", input_names(&self.id, attempt), self.fence)
    }

    /// Whether that is the name of an input file that a holder before this one uploaded.
    pub fn is_earlier_input(&self, attempt: u32, name: &str) -> bool {
        let fence = name.strip_prefix(&input_names(&self.id, attempt)).and_then(|fence| fence.parse::<i64>().ok());
        fence.is_some_and(|fence| fence < self.fence)
    }
}

/// The name under which Google lists the batch of a job's attempt; unique to it.
pub(crate) fn batch_name(job_id: &str, attempt: u32) -> String {
    format!("coldbrew-{job_id}-{attempt}")
}

/// How the names of all input files of an attempt begin.
pub(crate) fn input_names(job_id: &str, attempt: u32) -> String {
    format!("{}.", batch_name(job_id, attempt))
}
