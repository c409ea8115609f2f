//! Slows down password guessing: after some failures, each further attempt for an e-mail address has to wait longer.
//!
//! Failures are counted twice: for the address in one network, and for the address in all networks, where ten times as many are free. The
//! second count does not delay a network from which the owner has signed in, so others cannot lock the owner out.
//!
//! An attempt is counted before its password is checked, so parallel attempts gain nothing. An attempt that is refused for being too early
//! is not counted. Addresses without an account are treated alike.

use std::sync::Arc;
use std::time::Duration;

use super::{Network, digest};
use crate::accounts::{Attempts, SignIns};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::metrics::request_limited;
use crate::model::UnixMs;
use crate::settings::{SECOND, Settings};

/// How many times more failures are free for an address in all networks together.
const ALL_NETWORKS_FACTOR: u32 = 10;
/// Without a failure for this long, counting starts again at zero.
const FORGOTTEN_AFTER_MS: i64 = 24 * 3_600_000;
/// The largest expected difference of two servers' clocks. A failure further in the future than this is ignored: the clock has been set
/// back.
const CLOCK_SKEW_MS: i64 = 60_000;

/// How many failures are free, and how long the delay can become.
#[derive(Clone, Copy, Debug)]
pub struct AttemptLimits {
    /// Failures of an address in one network that cause no delay.
    pub failures_max: u32,
    /// The longest delay before the next attempt.
    pub delay_max: Duration,
}

impl AttemptLimits {
    pub fn read(from: &mut Settings) -> Self {
        Self {
            failures_max: from.positive("limits.password-failures-max", "COLDBREW_PASSWORD_FAILURES_MAX", 5),
            delay_max: from.interval("limits.password-delay-max-ms", "COLDBREW_PASSWORD_DELAY_MAX_MS", 900 * SECOND),
        }
    }
}

/// Counts password attempts and refuses those that come too early. Cheap to clone.
#[derive(Clone)]
pub struct PasswordAttempts {
    pub store: Arc<dyn SignIns>,
    pub limits: AttemptLimits,
    pub clock: Arc<dyn Clock>,
}

/// An admitted attempt. It counts as a failure until [`PasswordAttempts::succeeded`] or [`PasswordAttempts::take_back`].
pub struct Attempt {
    /// The subject of the count for this network.
    in_network: String,
    in_all: Option<String>,
    network: String,
}

impl PasswordAttempts {
    /// Admits and counts an attempt, or refuses it. `account_id` is the account of the address, if there is one.
    ///
    /// # Errors
    /// `too_many_requests` with the time to wait; otherwise the errors of [`SignIns`].
    pub async fn begin(&self, email: &str, account_id: Option<&str>, network: Option<Network>) -> Result<Attempt> {
        let network = name_of(network);
        // Looked up for every address, so that the response time does not reveal which addresses have an account.
        let is_known = self.store.is_known_network(account_id.unwrap_or_default(), &network).await?;
        let in_network = digest(&format!("{network} {email}"));
        let in_all = (!is_known).then(|| digest(&format!("all {email}")));
        let free = self.limits.failures_max;
        let subjects = [(Some(&in_network), free), (in_all.as_ref(), free.saturating_mul(ALL_NETWORKS_FACTOR))];
        let subjects = subjects.into_iter().filter_map(|(subject, free)| Some((subject?, free)));
        // Both counts are checked before either is increased.
        for (subject, free) in subjects.clone() {
            self.check_delay(self.store.attempts(subject).await?, free)?;
        }
        for (subject, free) in subjects {
            self.count(subject, free).await?;
        }
        Ok(Attempt { in_network, in_all, network })
    }

    /// Records a right password: clears the failures of this network, and adds it to the owner's known networks.
    ///
    /// # Errors
    /// The errors of [`SignIns`].
    pub async fn succeeded(&self, attempt: &Attempt, account_id: &str) -> Result<()> {
        self.store.forget_attempts(&attempt.in_network).await?;
        self.take_back_of_all(attempt).await?;
        self.store.add_known_network(account_id, &attempt.network, self.clock.now()).await
    }

    /// Records that the account's owner uses this network.
    ///
    /// # Errors
    /// The errors of [`SignIns`].
    pub async fn add_known_network(&self, account_id: &str, network: Option<Network>) -> Result<()> {
        self.store.add_known_network(account_id, &name_of(network), self.clock.now()).await
    }

    /// Uncounts an attempt whose password could not be checked.
    ///
    /// # Errors
    /// The errors of [`SignIns`].
    pub async fn take_back(&self, attempt: &Attempt) -> Result<()> {
        self.store.take_back_attempt(&attempt.in_network).await?;
        self.take_back_of_all(attempt).await
    }

    async fn take_back_of_all(&self, attempt: &Attempt) -> Result<()> {
        match &attempt.in_all {
            Some(subject) => self.store.take_back_attempt(subject).await,
            None => Ok(()),
        }
    }

    /// Deletes counts without a recent failure.
    ///
    /// # Errors
    /// The errors of [`SignIns`].
    pub async fn purge(&self) -> Result<()> {
        self.store.purge_attempts(self.clock.now().plus(-FORGOTTEN_AFTER_MS)).await
    }

    /// Increases a count. Checks the delay again each time that a concurrent attempt was counted first.
    async fn count(&self, subject: &str, free: u32) -> Result<()> {
        loop {
            let before = self.store.attempts(subject).await?;
            self.check_delay(before, free)?;
            let now = self.clock.now();
            let earlier = before.filter(|before| before.last_at.plus(FORGOTTEN_AFTER_MS) > now);
            let failures = earlier.map_or(0, |earlier| earlier.failures).saturating_add(1);
            if self.store.count_attempt(subject, before, Attempts { failures, last_at: now }).await? {
                return Ok(());
            }
        }
    }

    fn check_delay(&self, attempts: Option<Attempts>, free: u32) -> Result<()> {
        let wait_ms = attempts.map_or(0, |attempts| wait_ms(attempts, free, self.limits.delay_max, self.clock.now()));
        if wait_ms == 0 {
            return Ok(());
        }
        request_limited("passwords");
        let happened = "Too many wrong passwords were entered for this e-mail address.";
        Err(Error::too_many(happened, Duration::from_millis(wait_ms)))
    }
}

/// Loopback counts as one network.
fn name_of(network: Option<Network>) -> String {
    network.map_or_else(|| "local".to_owned(), |network| network.to_string())
}

/// Milliseconds until the next attempt is allowed. The first delay is one second; each further failure doubles it.
fn wait_ms(attempts: Attempts, free: u32, delay_max: Duration, now: UnixMs) -> u64 {
    let Some(doublings) = attempts.failures.checked_sub(free) else { return 0 };
    let delay_max_ms = i64::try_from(delay_max.as_millis()).unwrap_or(i64::MAX);
    let delay_ms = 1_000_i64.checked_shl(doublings.min(40)).unwrap_or(i64::MAX).min(delay_max_ms);
    let since_ms = now.0.saturating_sub(attempts.last_at.0);
    if since_ms < -CLOCK_SKEW_MS {
        return 0;
    }
    u64::try_from(delay_ms - since_ms.max(0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY_MAX: Duration = Duration::from_secs(900);
    const NOW: UnixMs = UnixMs(1_700_000_000_000);

    fn wait_after(failures: u32, since_ms: i64) -> u64 {
        wait_ms(Attempts { failures, last_at: NOW.plus(-since_ms) }, 5, DELAY_MAX, NOW)
    }

    #[test]
    fn delay_doubles_with_each_failure_up_to_its_maximum() {
        assert_eq!(
            [0, 4, 5, 6, 7, 14, 15, 1_000, u32::MAX].map(|failures| wait_after(failures, 0)),
            [0, 0, 1_000, 2_000, 4_000, 512_000, 900_000, 900_000, 900_000]
        );
    }

    #[test]
    fn delay_passes_with_time_and_when_the_clock_is_set_back() {
        assert_eq!(wait_after(7, 3_999), 1);
        assert_eq!(wait_after(7, 4_000), 0);
        assert_eq!(wait_after(7, -500), 4_000, "another server's clock is ahead a little");
        assert_eq!(wait_after(7, -3_600_000), 0);
    }
}
