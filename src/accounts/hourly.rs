//! Hourly budgets of each account, for example for imported bytes or for milliseconds of page workers.
//!
//! An amount is charged after its use, because it is not known earlier. What exceeds the budget is a debt that time repays. So the average
//! never exceeds the budget, however large a single use is.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use coldbrew_pdf::{Requester, WorkerTime};

const HOUR: Duration = Duration::from_secs(3_600);
/// The most accounts kept in memory. Beyond it, the account with the least debt is dropped.
const ACCOUNTS_MAX: usize = 10_000;

/// The budgets of all accounts in this process. The caller chooses the unit of the amounts.
#[derive(Debug, Default)]
pub struct HourlyBudgets {
    used: Mutex<HashMap<String, TokenBucket>>,
}

impl HourlyBudgets {
    /// Checks that the account has some of its budget left. A `per_hour` of 0 means no limit.
    ///
    /// # Errors
    /// The time until some of the budget is left.
    pub fn admit(&self, account: &str, per_hour: u64, now: Instant) -> Result<(), Duration> {
        let wait = self.used().get(account).map_or(Duration::ZERO, |bucket| bucket.wait(now));
        if per_hour == 0 || wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    /// Charges an amount that the account has used.
    pub fn charge(&self, account: &str, per_hour: u64, amount: u64, now: Instant) {
        if per_hour == 0 || amount == 0 {
            return;
        }
        let mut used = self.used();
        if let Some(bucket) = used.get_mut(account) {
            return bucket.charge(amount, per_hour, now);
        }
        if used.len() >= ACCOUNTS_MAX {
            make_room(&mut used, now);
        }
        let mut bucket = TokenBucket { full_at: now };
        bucket.charge(amount, per_hour, now);
        used.insert(account.to_owned(), bucket);
    }

    fn used(&self) -> MutexGuard<'_, HashMap<String, TokenBucket>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The page engine's budgets count milliseconds.
impl WorkerTime for HourlyBudgets {
    fn admit(&self, requester: &Requester, now: Instant) -> Result<(), Duration> {
        self.admit(&requester.account, millis_per_hour(requester), now)
    }

    fn charge(&self, requester: &Requester, time: Duration, now: Instant) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.charge(&requester.account, millis_per_hour(requester), millis, now);
    }
}

fn millis_per_hour(requester: &Requester) -> u64 {
    requester.seconds_per_hour.saturating_mul(1_000)
}

fn make_room(used: &mut HashMap<String, TokenBucket>, now: Instant) {
    used.retain(|_, bucket| bucket.full_at > now);
    if used.len() >= ACCOUNTS_MAX {
        let least = used.iter().min_by_key(|(_, bucket)| bucket.full_at).map(|(account, _)| account.clone());
        least.map(|account| used.remove(&account));
    }
}

/// A token bucket that holds one hour's budget and refills evenly. It may be overdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TokenBucket {
    /// When the bucket is full again.
    full_at: Instant,
}

impl TokenBucket {
    /// Time until the bucket is above zero.
    fn wait(&self, now: Instant) -> Duration {
        self.full_at.saturating_duration_since(now).saturating_sub(HOUR)
    }

    fn charge(&mut self, amount: u64, per_hour: u64, now: Instant) {
        let nanos = u128::from(amount) * HOUR.as_nanos() / u128::from(per_hour.max(1));
        let refill = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let from = self.full_at.max(now);
        self.full_at = from.checked_add(refill).unwrap_or(from);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn budget_overdrawn_refuses_until_time_repays_it() {
        let (budgets, start) = (HourlyBudgets::default(), Instant::now());
        budgets.charge("a", 3_600, 3_599, start);
        assert_eq!(budgets.admit("a", 3_600, start), Ok(()), "something is left");
        budgets.charge("a", 3_600, 11, start);
        assert_eq!(budgets.admit("a", 3_600, start), Err(10 * SECOND), "ten more than the budget");
        assert_eq!(budgets.admit("a", 3_600, start + 10 * SECOND), Ok(()));
        assert_eq!(budgets.admit("b", 3_600, start), Ok(()), "another account");
        assert_eq!(budgets.admit("a", 0, start), Ok(()), "no limit");
    }

    #[test]
    fn accounts_beyond_the_maximum_drop_the_least_debt_only() {
        let (budgets, now) = (HourlyBudgets::default(), Instant::now());
        budgets.charge("debtor", 10, 100, now);
        for account in 0..2 * ACCOUNTS_MAX {
            budgets.charge(&account.to_string(), 10, 1, now);
        }
        assert_eq!(budgets.used().len(), ACCOUNTS_MAX);
        assert!(budgets.admit("debtor", 10, now).is_err());
        budgets.charge("late", 10, 1, now + 100 * HOUR);
        assert_eq!(budgets.used().len(), 1, "everything else is repaid");
    }

    #[test]
    fn worker_time_of_a_requester_is_charged_in_milliseconds() {
        let (budgets, now) = (HourlyBudgets::default(), Instant::now());
        let limited = Requester { seconds_per_hour: 60, ..Requester::unlimited("a") };
        for time in [40, 40] {
            WorkerTime::charge(&budgets, &limited, SECOND * time, now);
        }
        // 80 of 60 seconds are used: the debt of 20 is repaid at one per minute.
        assert_eq!(WorkerTime::admit(&budgets, &limited, now), Err(SECOND * 1_200));
        assert_eq!(WorkerTime::admit(&budgets, &Requester::unlimited("b"), now), Ok(()));
    }

    proptest! {
        /// Use never exceeds one hour's budget, plus what time has repaid, plus one use.
        #[test]
        fn budget_is_never_exceeded_by_more_than_one_use(
            per_hour in 1_u64..100_000,
            uses in prop::collection::vec((0_u64..5_000, 0_u64..50_000), 1..200),
        ) {
            let (budgets, start) = (HourlyBudgets::default(), Instant::now());
            let (mut now, mut used, mut largest) = (start, 0, 0);
            for (pause_s, amount) in uses {
                now += SECOND * u32::try_from(pause_s).unwrap();
                if let Err(wait) = budgets.admit("a", per_hour, now) {
                    prop_assert!(budgets.admit("a", per_hour, now + wait).is_ok());
                    continue;
                }
                budgets.charge("a", per_hour, amount, now);
                used += amount;
                largest = largest.max(amount);
                let repaid = per_hour * (now - start).as_secs() / 3_600;
                prop_assert!(used <= per_hour + repaid + largest + 1);
            }
        }
    }
}
