//! What happens to the money that is held for a job's requests when a step leaves them unanswered. It is pure, as the whole machine is.

use super::super::job::Stage;
use crate::jobs::Unanswered;

/// Whether Google bills the requests that a step leaves unanswered; `None`: the money for them stays held, or there are none. Google may
/// bill the requests that a batch had answered before it ended without results.
pub(super) fn unanswered(before: &Stage, after: &Stage) -> Option<Unanswered> {
    use Stage as S;
    match (before, after) {
        // No create was sent, or the create certainly made no batch.
        (S::Creating { .. }, S::Submit { .. } | S::Upload { .. } | S::Flex { .. }) => Some(Unanswered::Free),
        (S::Prepare { .. } | S::Upload { .. } | S::Submit { .. } | S::Creating { .. }, S::Failed { .. }) => {
            Some(Unanswered::Free)
        }
        // A batch that was pending at the last poll may have started before the cancel arrived.
        (S::Reconciling { .. } | S::Polling(_) | S::Cancelling(_), S::Upload { .. } | S::Flex { .. }) => {
            Some(Unanswered::Billed)
        }
        (_, S::Failed { .. } | S::Expired { .. }) => Some(Unanswered::Billed),
        _ => None,
    }
}
