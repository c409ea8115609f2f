//! Why a job ended without a document: a code for scripts, and a sentence for people.

use crate::model::wire::JobError;

pub(super) fn no_usable_page() -> JobError {
    JobError::new("no_usable_page", "No page of this document could be read.")
}

pub(super) fn not_accepted() -> JobError {
    JobError::new("not_accepted", "Google did not accept this document after several attempts.")
}

pub(super) fn not_sent() -> JobError {
    JobError::new("not_sent", "For three days, Google could not be reached or had no capacity for this document.")
}

pub(super) fn results_lost() -> JobError {
    JobError::new("results_lost", "Google finished this batch but did not deliver the results.")
}

pub(super) fn lost_upstream() -> JobError {
    JobError::new(
        "lost_upstream",
        "Google no longer has this batch. The server's API key may belong to another project now.",
    )
}

pub(super) fn cancelled_upstream() -> JobError {
    JobError::new("cancelled_upstream", "This batch was cancelled at Google.")
}
