//! What one account may hold. These limits keep one account from filling the disk or the job queue.
//!
//! Stores check them inside the transaction that stores something, so concurrent requests cannot exceed them.

use crate::accounts::{Account, AccountUsage};
use crate::error::{Error, Result};
use crate::model::{ErrorCode, size_words};
use crate::settings::Settings;

/// Bytes that one page of an active job is expected to take: its text twice, as a result and in its document, and its figures.
const PAGE_BYTES_EXPECTED: u64 = 8 * 1024;

/// The most that an account may hold.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    pub documents: u64,
    pub active_jobs: u64,
    pub stored_bytes: u64,
    /// Files received at the same time.
    pub uploads: usize,
}

/// The allowances of members and of guests.
#[derive(Clone, Copy, Debug)]
pub struct Allowances {
    pub member: Allowance,
    pub guest: Allowance,
}

impl Allowances {
    /// With `guests_are_owners`, guests have the allowance of members. Otherwise a guest's allowance is at most that of a member.
    pub fn read(from: &mut Settings, guests_are_owners: bool) -> Self {
        let member = Allowance {
            documents: from.value("limits.documents-max", "COLDBREW_DOCUMENTS_MAX", 10_000),
            active_jobs: from.value("limits.active-jobs-max", "COLDBREW_ACTIVE_JOBS_MAX", 20),
            stored_bytes: from.value("limits.stored-bytes-max", "COLDBREW_STORED_BYTES_MAX", 10 << 30),
            uploads: from.positive("limits.account-uploads-max", "COLDBREW_ACCOUNT_UPLOADS_MAX", 128),
        };
        let guest = Allowance {
            documents: from.value("limits.guest-documents-max", "COLDBREW_GUEST_DOCUMENTS_MAX", 50),
            active_jobs: from.value("limits.guest-active-jobs-max", "COLDBREW_GUEST_ACTIVE_JOBS_MAX", 2),
            stored_bytes: from.value("limits.guest-stored-bytes-max", "COLDBREW_GUEST_STORED_BYTES_MAX", 200_000_000),
            uploads: from.positive("limits.guest-uploads-max", "COLDBREW_GUEST_UPLOADS_MAX", 4),
        };
        Self { member, guest: if guests_are_owners { member } else { guest.at_most(&member) } }
    }

    /// The allowance of this account.
    pub const fn of(&self, account: &Account) -> &Allowance {
        if account.email.is_some() { &self.member } else { &self.guest }
    }
}

impl Allowance {
    fn at_most(self, other: &Self) -> Self {
        Self {
            documents: self.documents.min(other.documents),
            active_jobs: self.active_jobs.min(other.active_jobs),
            stored_bytes: self.stored_bytes.min(other.stored_bytes),
            uploads: self.uploads.min(other.uploads),
        }
    }

    /// Checks that `bytes` more can be stored.
    ///
    /// # Errors
    /// `limit_reached` if stored bytes and those expected of active jobs would exceed the allowance.
    pub fn admits_bytes(&self, usage: &AccountUsage, bytes: u64) -> Result<()> {
        let expected = usage.active_pages.saturating_mul(PAGE_BYTES_EXPECTED);
        if usage.stored_bytes.saturating_add(expected).saturating_add(bytes) <= self.stored_bytes {
            return Ok(());
        }
        Err(full(format!(
            "This needs more storage than the {} of your account. Delete a document first.",
            size_words(self.stored_bytes)
        )))
    }

    /// Checks that one more document can be stored.
    ///
    /// # Errors
    /// `limit_reached` if documents and active jobs together have reached the limit.
    pub fn admits_document(&self, usage: &AccountUsage) -> Result<()> {
        if usage.documents.saturating_add(usage.active_jobs) < self.documents {
            return Ok(());
        }
        Err(full(format!("Your account has reached its limit of {} documents. Delete one first.", self.documents)))
    }

    /// Checks that one more job with this many pages can start.
    ///
    /// # Errors
    /// `limit_reached` if too many jobs are active, or if the pages are expected to exceed the stored bytes.
    pub fn admits_job(&self, usage: &AccountUsage, pages: u32) -> Result<()> {
        if usage.active_jobs >= self.active_jobs {
            return Err(full(format!(
                "{} of your documents are already being read. Wait until one is done.",
                usage.active_jobs
            )));
        }
        self.admits_bytes(usage, u64::from(pages) * PAGE_BYTES_EXPECTED)
    }
}

fn full(message: String) -> Error {
    Error::refused(ErrorCode::LimitReached, message)
}

#[cfg(test)]
mod tests {
    use super::{Allowance, Allowances, PAGE_BYTES_EXPECTED};
    use crate::accounts::{Account, AccountUsage};

    const ALLOWANCE: Allowance = Allowance { documents: 3, active_jobs: 2, stored_bytes: 100_000, uploads: 1 };

    fn usage(documents: u64, active_jobs: u64, active_pages: u64, stored_bytes: u64) -> AccountUsage {
        AccountUsage { documents, active_jobs, active_pages, stored_bytes }
    }

    #[test]
    fn allowance_admits_its_last_unit_and_no_more() {
        assert!(ALLOWANCE.admits_bytes(&usage(0, 0, 0, 60_000), 40_000).is_ok());
        assert!(ALLOWANCE.admits_bytes(&usage(0, 0, 0, 60_000), 40_001).is_err());
        assert!(ALLOWANCE.admits_bytes(&usage(0, 0, 0, 60_000), u64::MAX).is_err());
        assert!(ALLOWANCE.admits_document(&usage(1, 1, 0, 0)).is_ok());
        assert!(ALLOWANCE.admits_document(&usage(2, 1, 0, 0)).is_err());
        assert!(ALLOWANCE.admits_job(&usage(0, 1, 0, 0), 1).is_ok());
        assert!(ALLOWANCE.admits_job(&usage(0, 2, 0, 0), 1).is_err());
    }

    #[test]
    fn active_jobs_pages_count_with_their_expected_bytes() {
        let left = 100_000 - 3 * PAGE_BYTES_EXPECTED;
        assert!(ALLOWANCE.admits_bytes(&usage(0, 1, 3, 0), left).is_ok());
        assert!(ALLOWANCE.admits_bytes(&usage(0, 1, 3, 0), left + 1).is_err());
        assert!(ALLOWANCE.admits_job(&usage(0, 1, 3, 0), 9).is_ok());
        assert!(ALLOWANCE.admits_job(&usage(0, 1, 3, 0), 10).is_err());
    }

    #[test]
    fn guest_who_signs_up_has_the_allowance_of_a_member() {
        let allowances = Allowances { member: Allowance { documents: 30, ..ALLOWANCE }, guest: ALLOWANCE };
        let guest = Account { id: "a".into(), email: None, quota_tokens: None };
        let member = Account { email: Some("a@example.org".into()), ..guest.clone() };
        assert_eq!((allowances.of(&guest).documents, allowances.of(&member).documents), (3, 30));
    }
}
