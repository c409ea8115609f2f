//! The errors of documents and pages. Each message says what is wrong.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An error of the page engine. No variant carries document text or a file name.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// The document cannot be opened. The upload should be refused.
    #[error(transparent)]
    Document(#[from] DocumentFault),
    /// Opening took longer than the limit. The worker was killed.
    #[error("the PDF took longer than {} ms to open", .0.as_millis())]
    Timeout(Duration),
    /// The worker died, ran out of memory or sent an invalid reply while it opened the document.
    #[error("the PDF crashed the page engine")]
    WorkerCrashed,
    /// One page could not be read. Other pages still can.
    #[error("page {} {reason}", .index + 1)]
    Page { index: u32, reason: PageFault },
    /// All workers are busy, and too many requests wait or this one waited too long. The document is not at fault.
    #[error("the page engine is busy with other documents")]
    Busy,
    /// The requester has used its worker time of the hour. It gets more after this duration. The document is not at fault.
    #[error("the requester's time of the page engine is used up for {} s", .0.as_secs())]
    BudgetSpent(Duration),
    /// A library, or the model, is missing or unusable. The sentence is for the operator. The document is not at fault.
    #[error("{0}")]
    Unavailable(String),
    /// The file cannot be read, or a worker process cannot be started.
    #[error("the page engine could not use the file system or start a process")]
    Io(#[from] io::Error),
}

/// Why a document cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum DocumentFault {
    /// Not a PDF, or damaged beyond what the engine repairs.
    #[error("the file is not a readable PDF")]
    Unreadable,
    /// The PDF needs a password. An empty user password is tried first.
    #[error("the PDF is protected by a password")]
    Encrypted,
    #[error("the PDF has no pages")]
    Empty,
    /// More pages than the engine is configured to accept.
    #[error("the PDF has {pages} pages, at most {pages_max} are accepted")]
    TooManyPages { pages: u32, pages_max: u32 },
}

/// Why one page failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum PageFault {
    #[error("does not exist")]
    OutOfRange,
    #[error("is damaged and could not be read")]
    Damaged,
    #[error("took too long to read")]
    Timeout,
    #[error("could not be read, because it crashed the page engine")]
    Crashed,
    #[error("was skipped, because too many pages before it failed")]
    GivenUp,
}

impl PageFault {
    /// The sentence that readers see in place of the page.
    pub fn sentence(self) -> String {
        format!("This page {self}.")
    }
}

impl PdfError {
    /// The error as a fault of this page, if it is one. A worker that died or timed out on the page counts.
    pub(super) fn on_page(self, index: u32) -> Self {
        match self {
            Self::Timeout(_) => Self::Page { index, reason: PageFault::Timeout },
            Self::WorkerCrashed => Self::Page { index, reason: PageFault::Crashed },
            Self::Page { reason, .. } => Self::Page { index, reason },
            other => other,
        }
    }

    /// Whether the worker must not be asked again: it is dead, stuck, out of step or lacks a part.
    pub(super) fn lost_worker(&self) -> bool {
        match self {
            Self::Timeout(_) | Self::WorkerCrashed | Self::Unavailable(_) => true,
            Self::Page { reason, .. } => matches!(reason, PageFault::Timeout | PageFault::Crashed),
            _ => false,
        }
    }
}
