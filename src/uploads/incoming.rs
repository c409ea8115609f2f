//! Uploads that are being received: limits on their number, and reservations of their bytes before the body is read.
//!
//! Each process has its own reservations. The transaction that stores an upload checks the allowance again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::accounts::AccountUsage;
use crate::accounts::{Allowance, Caller, Network};
use crate::error::{Error, Result};
use crate::model::ErrorCode;
use crate::settings::Settings;

/// Limits for concurrent uploads, and the disk space that must stay free.
#[derive(Clone, Copy, Debug)]
pub struct IncomingLimits {
    pub uploads: usize,
    pub uploads_per_network: usize,
    /// In percent of the data disk.
    pub free_percent_min: u8,
}

impl IncomingLimits {
    pub fn read(from: &mut Settings) -> Self {
        Self {
            uploads: from.positive("limits.uploads-max", "COLDBREW_UPLOADS_MAX", 256),
            uploads_per_network: from.positive("limits.network-uploads-max", "COLDBREW_NETWORK_UPLOADS_MAX", 64),
            free_percent_min: from.percent("storage.free-percent-min", "COLDBREW_FREE_PERCENT_MIN", 5),
        }
    }
}

/// The space on a disk, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct DiskSpace {
    pub free_bytes: u64,
    pub total_bytes: u64,
}

/// Measures the space on the data disk.
pub type DiskProbe = Arc<dyn Fn() -> std::io::Result<DiskSpace> + Send + Sync>;

/// The uploads that are being received. Clones share their counts.
#[derive(Clone)]
pub struct Incoming {
    limits: IncomingLimits,
    probe: DiskProbe,
    counts: Arc<Mutex<Counts>>,
}

/// Uploads that hold a permit.
#[derive(Default)]
struct Counts {
    all: Share,
    accounts: HashMap<String, Share>,
    networks: HashMap<Network, Share>,
}

#[derive(Clone, Copy, Default)]
struct Share {
    uploads: usize,
    bytes: u64,
}

/// The permission to receive one upload. Dropping it releases its reservation.
#[must_use]
pub struct UploadPermit {
    counts: Arc<Mutex<Counts>>,
    account_id: String,
    network: Option<Network>,
    bytes: u64,
}

impl Incoming {
    /// Starts without uploads.
    pub fn new(limits: IncomingLimits, probe: DiskProbe) -> Self {
        Self { limits, probe, counts: Arc::default() }
    }

    /// Reserves space for an upload of `bytes` bytes.
    ///
    /// # Errors
    /// `too_many_requests` or `unavailable` if too many uploads are being received; `limit_reached` if the account's allowance is too
    /// small; `disk_full`.
    pub fn admit(
        &self,
        caller: &Caller,
        bytes: u64,
        allowance: &Allowance,
        usage: &AccountUsage,
    ) -> Result<UploadPermit> {
        let Caller { account, network } = caller;
        let space = (self.probe)()?;
        let mut counts = lock(&self.counts);
        let own = counts.accounts.get(&account.id).copied().unwrap_or_default();
        let of_network = network.and_then(|network| counts.networks.get(&network).copied()).unwrap_or_default();
        if own.uploads >= allowance.uploads || of_network.uploads >= self.limits.uploads_per_network {
            let message = "Too many files are being uploaded from here. Wait until one is done.";
            return Err(Error::refused(ErrorCode::TooManyRequests, message));
        }
        if counts.all.uploads >= self.limits.uploads {
            let message = "Too many files are being uploaded right now. Try again in a few seconds.";
            return Err(Error::refused(ErrorCode::Unavailable, message));
        }
        allowance.admits_bytes(usage, own.bytes.saturating_add(bytes))?;
        if self.is_full(space, counts.all.bytes.saturating_add(bytes)) {
            let message =
                "This server's disk is nearly full, so it accepts no files. Try again later, or tell the operator.";
            return Err(Error::refused(ErrorCode::DiskFull, message));
        }
        counts.all.add(bytes);
        counts.accounts.entry(account.id.clone()).or_default().add(bytes);
        if let Some(network) = network {
            counts.networks.entry(*network).or_default().add(bytes);
        }
        let counts = Arc::clone(&self.counts);
        Ok(UploadPermit { counts, account_id: account.id.clone(), network: *network, bytes })
    }

    /// Checks that the data disk has space for uploads.
    ///
    /// # Errors
    /// `unavailable` if the disk is nearly full or cannot be measured.
    pub fn check(&self) -> Result<()> {
        if self.is_full((self.probe)()?, 0) {
            return Err(Error::unavailable(format!(
                "less than {} % of the disk is free",
                self.limits.free_percent_min
            )));
        }
        Ok(())
    }

    /// Whether `bytes` more would leave less free space than required.
    fn is_full(&self, space: DiskSpace, bytes: u64) -> bool {
        let required_free = u128::from(space.total_bytes) * u128::from(self.limits.free_percent_min) / 100;
        u128::from(space.free_bytes.saturating_sub(bytes)) < required_free
    }
}

impl Share {
    fn add(&mut self, bytes: u64) {
        self.uploads += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn take(&mut self, bytes: u64) {
        self.uploads -= 1;
        self.bytes -= bytes;
    }
}

impl Drop for UploadPermit {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.all.take(self.bytes);
        take(&mut counts.accounts, std::mem::take(&mut self.account_id), self.bytes);
        if let Some(network) = self.network {
            take(&mut counts.networks, network, self.bytes);
        }
    }
}

/// Subtracts one upload from a share. A share without uploads is removed.
fn take<K: Eq + Hash>(shares: &mut HashMap<K, Share>, key: K, bytes: u64) {
    if let Entry::Occupied(mut share) = shares.entry(key) {
        share.get_mut().take(bytes);
        if share.get().uploads == 0 {
            share.remove();
        }
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
