//! What one account may hold.

use super::Source;

/// Documents, jobs and bytes of one account.
#[derive(Clone, Copy, Debug)]
pub struct AccountLimits {
    pub documents_max: u64,
    pub active_jobs_max: u64,
    pub stored_bytes_max: u64,
}

impl AccountLimits {
    /// Of members, and of guests on a server that others cannot reach.
    pub(super) fn read(source: &mut Source) -> Self {
        Self {
            documents_max: source.value("limits.documents-max", "COLDBREW_DOCUMENTS_MAX", 10_000),
            active_jobs_max: source.value("limits.active-jobs-max", "COLDBREW_ACTIVE_JOBS_MAX", 20),
            stored_bytes_max: source.value("limits.stored-bytes-max", "COLDBREW_STORED_BYTES_MAX", 10 << 30),
        }
    }

    /// Of guests on a server that others can reach: never more than of members.
    pub(super) fn read_for_guests(source: &mut Source, members: Self) -> Self {
        let documents = source.value("limits.guest-documents-max", "COLDBREW_GUEST_DOCUMENTS_MAX", 50);
        let jobs = source.value("limits.guest-active-jobs-max", "COLDBREW_GUEST_ACTIVE_JOBS_MAX", 2);
        let bytes = source.value("limits.guest-stored-bytes-max", "COLDBREW_GUEST_STORED_BYTES_MAX", 200_000_000);
        Self {
            documents_max: members.documents_max.min(documents),
            active_jobs_max: members.active_jobs_max.min(jobs),
            stored_bytes_max: members.stored_bytes_max.min(bytes),
        }
    }
}
