//! What becomes of the money that is held for a job's requests when the job goes on without their answers. Pure, as the whole machine is.

use super::super::job::Stage;
use crate::jobs::Unanswered;

/// What Google bills for requests that the job has under way and goes on without. Of a batch that ends without results, it may bill the
/// requests that were answered by then.
pub(super) fn unanswered(before: &Stage, after: &Stage, is_end: bool) -> Option<Unanswered> {
    use Stage as S;
    match (before, after) {
        // No create was sent, or it certainly made nothing.
        (S::Creating { .. }, S::Submit { .. } | S::Upload { .. }) => Some(Unanswered::Free),
        (S::Prepare { .. } | S::Upload { .. } | S::Submit { .. } | S::Creating { .. }, S::Failed { .. }) => {
            Some(Unanswered::Free)
        }
        // It waited in line until it was cancelled there.
        (S::Cancelling(remote), S::Upload { .. } | S::Failed { .. }) if is_end && !remote.running => {
            Some(Unanswered::Free)
        }
        (S::Reconciling { .. } | S::Polling(_) | S::Cancelling(_), S::Upload { .. }) => Some(Unanswered::Billed),
        (_, S::Failed { .. } | S::Expired { .. }) => Some(Unanswered::Billed),
        _ => None,
    }
}
