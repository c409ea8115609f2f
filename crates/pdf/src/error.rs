//! What can go wrong with a document or a page, in words that say what to do about it.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::protocol::Fault;

/// An error of the page engine. No variant carries document text or a file name.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// The document cannot be opened. The upload should be refused.
    #[error(transparent)]
    Document(#[from] DocumentFault),
    /// Opening took longer than the limit; the worker was killed.
    #[error("the PDF took longer than {} ms to open", .0.as_millis())]
    Timeout(Duration),
    /// The worker died, ran out of memory or answered nonsense while opening the document.
    #[error("the PDF crashed the page engine")]
    WorkerCrashed,
    /// One page could not be read; the rest of the document still can.
    #[error("page {} {reason}", .index + 1)]
    Page { index: u32, reason: PageFault },
    /// All workers are busy, and too many requests wait or this one waited too long. Nothing is wrong with the document.
    #[error("the page engine is busy with other documents")]
    Busy,
    /// The requester has used its worker time of the hour, and has some again after this. Nothing is wrong with the document.
    #[error("the requester's time of the page engine is used up for {} s", .0.as_secs())]
    BudgetSpent(Duration),
    /// A library or the model of the engine is missing or unusable. The sentence is for the operator. Nothing is wrong with the document.
    #[error("{0}")]
    Unavailable(String),
    /// The file cannot be read, or a worker process cannot be started.
    #[error("the page engine could not use the file system or start a process")]
    Io(#[from] io::Error),
}

const NOT_LOADED: &str = "the PDF library cannot be loaded; run scripts/setup or set its path";

/// Why a document cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum DocumentFault {
    /// Not a PDF, or damaged beyond what the engine repairs.
    #[error("the file is not a readable PDF")]
    Unreadable,
    /// A password is needed (an empty user password is tried first).
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
    /// What is said of the page to its reader.
    pub fn sentence(self) -> String {
        format!("This page {self}.")
    }
}

impl PdfError {
    /// The same error as the fault of one page, if it is one: a worker that died or hung on a page.
    pub(super) fn on_page(self, index: u32) -> Self {
        match self {
            Self::Timeout(_) => Self::Page { index, reason: PageFault::Timeout },
            Self::WorkerCrashed => Self::Page { index, reason: PageFault::Crashed },
            other => other,
        }
    }

    /// Whether the worker that gave this error is dead, stuck, out of step or without what it needs, and must not be asked again.
    pub(super) fn lost_worker(&self) -> bool {
        match self {
            Self::Timeout(_) | Self::WorkerCrashed | Self::Unavailable(_) => true,
            Self::Page { reason, .. } => matches!(reason, PageFault::Timeout | PageFault::Crashed),
            _ => false,
        }
    }
}

impl From<Fault> for PdfError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::LibraryUnavailable => Self::Unavailable(NOT_LOADED.to_owned()),
            Fault::DetectorUnusable { words } => {
                Self::Unavailable(format!("the figure detector cannot be used: {words}"))
            }
            Fault::FileUnavailable => Self::Io(io::ErrorKind::NotFound.into()),
            Fault::Document(fault) => fault.into(),
            Fault::Page { index, reason } => Self::Page { index, reason },
        }
    }
}
