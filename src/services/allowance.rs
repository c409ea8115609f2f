//! What one account may hold: the refusals that keep a single account from filling the disk or the queue.
//!
//! Requests that race may overstep by what they hold themselves; the quota, which is money, has a check of its own that
//! cannot be raced (`store`).

use crate::error::{Error, Result};
use crate::model::{ErrorCode, size_words};
use crate::store::Holdings;

/// The most that an account may hold.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    pub documents: u64,
    pub active_jobs: u64,
    pub stored_bytes: u64,
}

impl Allowance {
    /// Whether there is room for a file of that size, in bytes.
    pub fn admits_file(&self, held: &Holdings, bytes: u64) -> Result<()> {
        if held.stored_bytes.saturating_add(bytes) <= self.stored_bytes {
            return Ok(());
        }
        Err(full(format!(
            "Your files would take more than the {} that an account has. Delete a document first.",
            size_words(self.stored_bytes)
        )))
    }

    /// Whether another job may run that makes no new document.
    pub fn admits_retry(&self, held: &Holdings) -> Result<()> {
        if held.active_jobs < self.active_jobs {
            return Ok(());
        }
        Err(full(format!("{} documents are being extracted already. Wait for one.", held.active_jobs)))
    }

    /// Whether another document may be made, now or by a job.
    pub fn admits_work(&self, held: &Holdings) -> Result<()> {
        self.admits_retry(held)?;
        if held.documents.saturating_add(held.active_jobs) >= self.documents {
            return Err(full(format!("An account holds at most {} documents. Delete one first.", self.documents)));
        }
        Ok(())
    }
}

fn full(words: String) -> Error {
    Error::refused(ErrorCode::LimitReached, words)
}

#[cfg(test)]
mod tests {
    use super::Allowance;
    use crate::store::Holdings;

    #[test]
    fn the_last_place_can_be_taken_and_no_more() {
        let allowance = Allowance { documents: 3, active_jobs: 2, stored_bytes: 100 };
        let held = |documents, active_jobs, stored_bytes| Holdings { documents, active_jobs, stored_bytes };
        assert!(allowance.admits_file(&held(0, 0, 60), 40).is_ok());
        assert!(allowance.admits_file(&held(0, 0, 60), 41).is_err());
        assert!(allowance.admits_file(&held(0, 0, 60), u64::MAX).is_err());
        assert!(allowance.admits_work(&held(1, 1, 0)).is_ok());
        assert!(allowance.admits_work(&held(0, 2, 0)).is_err());
        assert!(allowance.admits_work(&held(2, 1, 0)).is_err());
        assert!(allowance.admits_work(&held(3, 0, 0)).is_err());
    }
}
