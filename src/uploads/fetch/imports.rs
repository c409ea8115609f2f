//! Limits for concurrent downloads and for downloaded bytes per hour.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::accounts::Caller;
use crate::accounts::HourlyBudgets;
use crate::error::{Error, Result};
use crate::settings::{SECOND, Settings};

/// The wait for a caller whose other downloads are in progress.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The limits of downloads.
#[derive(Clone, Copy, Debug)]
pub struct ImportLimits {
    /// For all callers together. One network may use half of it.
    pub at_once_max: usize,
    pub account_at_once_max: usize,
    /// For a member; 0 means no limit. A download in progress may finish, and its excess is a debt.
    pub bytes_per_hour: u64,
    /// For a guest.
    pub guest_bytes_per_hour: u64,
    /// For one file, with all redirects.
    pub timeout: Duration,
}

impl ImportLimits {
    /// With `guests_are_owners`, guests may download as much as members.
    pub fn read(from: &mut Settings, guests_are_owners: bool) -> Self {
        let bytes_per_hour = from.value("import.bytes-per-hour", "COLDBREW_IMPORT_BYTES_PER_HOUR", 2 << 30);
        let guest_bytes = if guests_are_owners { bytes_per_hour } else { 200 << 20 };
        Self {
            at_once_max: from.positive("import.at-once-max", "COLDBREW_IMPORTS_MAX", 16),
            account_at_once_max: from.positive("import.account-at-once-max", "COLDBREW_ACCOUNT_IMPORTS_MAX", 2),
            bytes_per_hour,
            guest_bytes_per_hour: from.value(
                "import.guest-bytes-per-hour",
                "COLDBREW_GUEST_IMPORT_BYTES_PER_HOUR",
                guest_bytes,
            ),
            timeout: from.interval("limits.url-timeout-ms", "COLDBREW_URL_TIMEOUT_MS", 120 * SECOND),
        }
    }
}

/// All downloads in progress. Clones share them.
#[derive(Clone)]
pub struct Imports {
    limits: ImportLimits,
    running: Arc<Mutex<Running>>,
    bytes: Arc<HourlyBudgets>,
}

#[derive(Default)]
struct Running {
    total: usize,
    /// The number of each account and each network.
    by_party: HashMap<String, usize>,
}

/// A download in progress. Dropping it ends it.
pub struct RunningImport<'a> {
    imports: &'a Imports,
    parties: Vec<String>,
    account: &'a str,
    bytes_per_hour: u64,
}

impl Imports {
    pub fn new(limits: ImportLimits) -> Self {
        Self { limits, running: Arc::default(), bytes: Arc::default() }
    }

    /// The time limit for one download.
    pub const fn timeout(&self) -> Duration {
        self.limits.timeout
    }

    /// Starts a download.
    ///
    /// # Errors
    /// `too_many_requests` if the caller, its network or all callers have too many in progress, or if the caller's bytes are used up.
    pub fn begin<'a>(&'a self, caller: &'a Caller, now: Instant) -> Result<RunningImport<'a>> {
        let ImportLimits { at_once_max, account_at_once_max, bytes_per_hour, guest_bytes_per_hour, .. } = self.limits;
        let account = &caller.account;
        let bytes_per_hour = if account.email.is_none() { guest_bytes_per_hour } else { bytes_per_hour };
        self.bytes
            .admit(&account.id, bytes_per_hour, now)
            .map_err(|wait| Error::too_many("You have imported as much as an account may in an hour.", wait))?;
        let network = caller.network.map(|network| (network.to_string(), (at_once_max / 2).max(1)));
        let bounds: Vec<_> = std::iter::once((account.id.clone(), account_at_once_max)).chain(network).collect();
        let mut running = self.running();
        let is_full = |(party, max): &(String, usize)| running.by_party.get(party).is_some_and(|count| count >= max);
        if running.total >= at_once_max || bounds.iter().any(is_full) {
            return Err(Error::too_many("Too many files are being imported right now.", RETRY_AFTER));
        }
        let parties: Vec<String> = bounds.into_iter().map(|(party, _)| party).collect();
        running.total += 1;
        for party in &parties {
            *running.by_party.entry(party.clone()).or_default() += 1;
        }
        Ok(RunningImport { imports: self, parties, account: &account.id, bytes_per_hour })
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningImport<'_> {
    /// Counts bytes that were received.
    pub fn charge(&self, bytes: usize, now: Instant) {
        self.imports.bytes.charge(self.account, self.bytes_per_hour, bytes as u64, now);
    }
}

impl Drop for RunningImport<'_> {
    fn drop(&mut self) {
        let mut running = self.imports.running();
        running.total -= 1;
        for party in &self.parties {
            if let Some(count) = running.by_party.get_mut(party) {
                *count -= 1;
                if *count == 0 {
                    running.by_party.remove(party);
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::accounts::Account;
    use crate::accounts::Network;
    use crate::model::ErrorCode;

    fn caller(id: &str, address: &str, email: Option<&str>) -> Caller {
        let account = Account { id: id.to_owned(), email: email.map(str::to_owned), quota_tokens: None };
        Caller { account, network: Network::of(address.parse().unwrap()) }
    }

    fn imports() -> Imports {
        Imports::new(ImportLimits {
            at_once_max: 8,
            account_at_once_max: 2,
            bytes_per_hour: 1_000,
            guest_bytes_per_hour: 100,
            timeout: SECOND,
        })
    }

    fn wait_s(answer: Result<RunningImport<'_>>) -> Option<u32> {
        let error = answer.err()?.public();
        assert_eq!(error.code, ErrorCode::TooManyRequests);
        error.retry_after_s
    }

    #[test]
    fn imports_at_once_are_bounded_by_account_network_and_server() {
        let (imports, now) = (imports(), Instant::now());
        let a = caller("a", "1.1.1.1", None);
        let held = [imports.begin(&a, now).unwrap(), imports.begin(&a, now).unwrap()];
        assert_eq!(wait_s(imports.begin(&a, now)), Some(5));
        let near: Vec<_> = ["b", "c"].map(|id| caller(id, "1.1.1.2", None)).into();
        let same_network: Vec<_> = near.iter().map(|caller| imports.begin(caller, now).unwrap()).collect();
        assert_eq!(wait_s(imports.begin(&caller("d", "1.1.1.3", None), now)), Some(5), "one network may use half");
        let far: Vec<_> = (0..5).map(|number| caller(&number.to_string(), &format!("2.2.{number}.1"), None)).collect();
        let rest: Vec<_> = far.iter().filter_map(|caller| imports.begin(caller, now).ok()).collect();
        assert_eq!(rest.len(), 4, "eight in total");
        drop((held, same_network, rest));
        assert!(imports.running().by_party.is_empty() && imports.running().total == 0);
    }

    #[test]
    fn bytes_beyond_the_hourly_budget_delay_the_next_import() {
        let (imports, now) = (imports(), Instant::now());
        let (guest, member) = (caller("g", "1.1.1.1", None), caller("m", "1.1.1.1", Some("m@example.org")));
        imports.begin(&guest, now).unwrap().charge(150, now);
        imports.begin(&member, now).unwrap().charge(150, now);
        assert_eq!(wait_s(imports.begin(&guest, now)), Some(1_800), "50 bytes of debt at 100 per hour");
        assert!(imports.begin(&member, now).is_ok());
        assert!(imports.begin(&guest, now + Duration::from_secs(1_800)).is_ok());
    }
}
