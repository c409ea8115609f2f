//! The cost of Gemini in micro-dollars, and the spending ceilings for a UTC day. This module is pure arithmetic: [`crate::jobs::Spending`]
//! stores the ledger, and jobs ask it before each request that Google bills.
//!
//! A request holds its maximum cost until its answer tells the actual cost. So all requests in flight together stay below a ceiling. A
//! request whose maximum does not fit is sent alone, if its expected cost fits: only such a request can exceed the ceiling.

mod pages;
mod rates;

pub use pages::PageCosts;
pub use rates::{Rates, Spent, is_priced};

use std::str::FromStr;

use crate::settings::Settings;

/// The default quota of a guest with a real key, in token equivalents: some 30 pages in realtime, or 60 in a batch.
const GUEST_TOKENS: u64 = 200_000;

/// What Google's lowest paid tier allows for a Flash model (docs/GEMINI.md, "Enqueued tokens").
const BATCH_TOKENS_MAX: u64 = 3_000_000;

/// The ceilings and quotas that a request must fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The most micro-dollars that all accounts together may spend in a UTC day. `None` means no ceiling.
    pub daily_max: Option<u64>,
    /// The same for all guests together.
    pub guests_daily_max: Option<u64>,
    /// The quota of an account that has none of its own, in token equivalents.
    pub quota_tokens: u64,
    /// The quota of a guest that has none of its own, in token equivalents.
    pub guest_quota_tokens: u64,
    /// The most input tokens that Google lets all batches of the key have in its queue together. `None` means no limit.
    pub batch_tokens_max: Option<u64>,
}

/// A request that Google will bill, before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidRequest {
    /// Chosen by the sender, so that a repeated commit or record has no further effect.
    pub id: String,
    /// `None` for a batch.
    pub page: Option<u32>,
    /// The expected cost, in micro-dollars.
    pub expected: u64,
    /// The maximum cost, in micro-dollars.
    pub most: u64,
    /// The most tokens that the account can be charged beyond its job's reservation, in token equivalents. 0 for a batch, which the
    /// reservation covers.
    pub tokens_most: u64,
    /// The input tokens that the request adds to Google's batch queue; 0 for a page.
    pub enqueued_tokens: u64,
}

/// Sums of one UTC day, in micro-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// The cost of finished requests.
    pub settled: u64,
    /// The maximum cost of requests in flight.
    pub committed: u64,
}

/// Sums of one UTC day, for members and for guests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DaySpending {
    pub members: Sums,
    pub guests: Sums,
}

impl DaySpending {
    /// The sums of all accounts.
    pub const fn all(&self) -> Sums {
        Sums {
            settled: self.members.settled.saturating_add(self.guests.settled),
            committed: self.members.committed.saturating_add(self.guests.committed),
        }
    }
}

impl Budget {
    /// No ceiling and no quota.
    pub const UNLIMITED: Self = Self {
        daily_max: None,
        guests_daily_max: None,
        quota_tokens: u64::MAX,
        guest_quota_tokens: u64::MAX,
        batch_tokens_max: None,
    };

    /// With `demo`, Gemini is the emulator, which costs nothing. Then there is no ceiling by default, and guests have the quota of a
    /// member.
    pub fn read(from: &mut Settings, demo: bool) -> Self {
        let dollars = |dollars: u64| (!demo).then_some(MicroDollars(dollars * 1_000_000));
        let daily_max = from.or_none("spend.daily-usd-max", "COLDBREW_SPEND_DAILY_USD_MAX", dollars(50));
        let guests_daily_max =
            from.or_none("spend.guests-daily-usd-max", "COLDBREW_SPEND_GUESTS_DAILY_USD_MAX", dollars(5));
        let quota_tokens = from.value("quota.tokens", "COLDBREW_QUOTA_TOKENS", 20_000_000);
        let guest_tokens = if demo { quota_tokens } else { quota_tokens.min(GUEST_TOKENS) };
        Self {
            daily_max: daily_max.map(|MicroDollars(amount)| amount),
            guests_daily_max: guests_daily_max.map(|MicroDollars(amount)| amount),
            quota_tokens,
            guest_quota_tokens: from.value("quota.guest-tokens", "COLDBREW_GUEST_QUOTA_TOKENS", guest_tokens),
            batch_tokens_max: from.or_none(
                "gemini.batch-tokens-max",
                "COLDBREW_BATCH_TOKENS_MAX",
                (!demo).then_some(BATCH_TOKENS_MAX),
            ),
        }
    }

    /// Whether `request` may be sent now. Every ceiling that applies to the account must have room.
    pub fn admits(&self, day: &DaySpending, is_guest: bool, request: &PaidRequest) -> bool {
        self.ceilings(day, is_guest).all(|(ceiling, sums)| {
            let held = sums.settled.saturating_add(sums.committed);
            let fits_beside_others = held.saturating_add(request.most) <= ceiling;
            let fits_alone = sums.committed == 0 && sums.settled.saturating_add(request.expected) <= ceiling;
            fits_beside_others || fits_alone
        })
    }

    /// Whether Google's batch queue has room for `request` beside the tokens that are in it. A batch alone is sent, and Google decides.
    pub fn admits_to_queue(&self, enqueued_tokens: u64, request: &PaidRequest) -> bool {
        let fits = |max| enqueued_tokens == 0 || enqueued_tokens.saturating_add(request.enqueued_tokens) <= max;
        request.enqueued_tokens == 0 || self.batch_tokens_max.is_none_or(fits)
    }

    /// The unspent rest of the lowest ceiling, in micro-dollars. `None` means no ceiling.
    pub fn left(&self, day: &DaySpending, is_guest: bool) -> Option<u64> {
        let left = |(ceiling, sums): (u64, Sums)| ceiling.saturating_sub(sums.settled);
        self.ceilings(day, is_guest).map(left).min()
    }

    /// The lowest ceiling that applies to a guest or a member, in micro-dollars a day.
    pub fn ceiling(&self, is_guest: bool) -> Option<u64> {
        self.ceilings(&DaySpending::default(), is_guest).map(|(ceiling, _)| ceiling).min()
    }

    fn ceilings(&self, day: &DaySpending, is_guest: bool) -> impl Iterator<Item = (u64, Sums)> {
        let of_all = self.daily_max.map(|ceiling| (ceiling, day.all()));
        let of_guests = self.guests_daily_max.filter(|_| is_guest).map(|ceiling| (ceiling, day.guests));
        of_all.into_iter().chain(of_guests)
    }
}

/// An amount written in dollars: `0.75` is 750,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MicroDollars(pub u64);

impl FromStr for MicroDollars {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const DIGITS: usize = 6;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_amount = !whole.is_empty() && is_number(whole) && is_number(fraction) && fraction.len() <= DIGITS;
        let amount = is_amount.then(|| format!("{whole}{fraction:0<DIGITS$}").parse().ok()).flatten();
        amount.map(Self).ok_or("it must be dollars, as 12.50, or none")
    }
}

/// What a realtime job holds of its account's quota, in token equivalents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    pub tokens: u64,
    /// What its pages have been charged so far.
    pub charged: u64,
    /// The most that its pages in flight can be charged.
    pub under_way: u64,
    /// The quota that is left to this job: all except what is used and what other jobs have reserved.
    pub free: u64,
}

impl Reserved {
    /// The reservation that is needed to send another page, which is charged at most `most`. `None` if it must not be sent now.
    ///
    /// A reservation is an estimate, and pages may cost more. While the quota has room for the maximum of all pages in flight, the
    /// reservation grows. Without room, pages are sent one at a time until the charges reach the reservation. So the charges exceed it by
    /// at most one page.
    pub fn with_page(self, most: u64) -> Option<u64> {
        let under_way = self.under_way.saturating_add(most);
        let needed = self.charged.saturating_add(under_way);
        if needed <= self.tokens {
            Some(self.tokens)
        } else if under_way <= self.free {
            Some(needed)
        } else {
            (self.under_way == 0 && self.charged < self.tokens).then_some(self.tokens)
        }
    }
}

/// The answers to an account's requests in a UTC day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    pub all: u64,
    /// Refused, or without text.
    pub useless: u64,
}

impl Answers {
    /// Fewer answers are no evidence.
    const MIN: u64 = 50;

    /// Whether most answers are useless. Then the account's jobs run one at a time, because they cost money without a result.
    pub const fn slow_down(self) -> bool {
        self.all >= Self::MIN && self.useless > self.all / 2
    }
}

/// Formats an amount for people: `$1.23`, with more digits below ten cents.
pub fn dollars(micro_dollars: u64) -> String {
    let (whole, rest) = (micro_dollars / 1_000_000, micro_dollars % 1_000_000);
    if micro_dollars >= 100_000 || micro_dollars == 0 {
        let cents = (rest + 5_000) / 10_000;
        return format!("${}.{:02}", whole + cents / 100, cents % 100);
    }
    format!("${whole}.{rest:06}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUDGET: Budget = Budget { daily_max: Some(1_000), guests_daily_max: Some(100), ..Budget::UNLIMITED };

    fn request(expected: u64, most: u64) -> PaidRequest {
        PaidRequest { id: String::new(), page: None, expected, most, tokens_most: 0, enqueued_tokens: 0 }
    }

    fn day(members: (u64, u64), guests: (u64, u64)) -> DaySpending {
        let sums = |(settled, committed)| Sums { settled, committed };
        DaySpending { members: sums(members), guests: sums(guests) }
    }

    #[test]
    fn request_beside_others_needs_room_for_its_maximum_cost() {
        assert!(BUDGET.admits(&day((500, 400), (0, 0)), false, &request(1, 100)));
        assert!(!BUDGET.admits(&day((500, 400), (0, 0)), false, &request(1, 101)));
    }

    #[test]
    fn request_alone_needs_room_for_its_expected_cost() {
        assert!(BUDGET.admits(&day((900, 0), (0, 0)), false, &request(100, 5_000)));
        assert!(!BUDGET.admits(&day((901, 0), (0, 0)), false, &request(100, 5_000)));
        assert!(!BUDGET.admits(&day((900, 1), (0, 0)), false, &request(100, 5_000)));
    }

    #[test]
    fn batch_needs_room_in_the_queue_unless_it_is_alone() {
        let budget = Budget { batch_tokens_max: Some(100), ..Budget::UNLIMITED };
        let batch = |enqueued_tokens| PaidRequest { enqueued_tokens, ..request(1, 1) };
        assert!(budget.admits_to_queue(60, &batch(40)) && !budget.admits_to_queue(60, &batch(41)));
        assert!(budget.admits_to_queue(0, &batch(500)), "Google decides");
        assert!(budget.admits_to_queue(900, &batch(0)), "a page is no batch");
        assert!(Budget::UNLIMITED.admits_to_queue(u64::MAX, &batch(1)));
    }

    #[test]
    fn guests_have_a_ceiling_below_that_of_all() {
        let spent = day((0, 0), (95, 0));
        assert!(!BUDGET.admits(&spent, true, &request(10, 10)));
        assert!(BUDGET.admits(&spent, false, &request(10, 10)));
        assert_eq!((BUDGET.left(&spent, true), BUDGET.left(&spent, false)), (Some(5), Some(905)));
        assert!(!BUDGET.admits(&day((1_000, 0), (0, 0)), true, &request(1, 1)), "guests spend what all may spend");
        assert_eq!((BUDGET.ceiling(true), Budget::UNLIMITED.ceiling(true)), (Some(100), None));
    }

    #[test]
    fn reservation_grows_within_the_quota_and_no_further() {
        let held = Reserved { tokens: 100, charged: 60, under_way: 30, free: 45 };
        assert_eq!(held.with_page(10), Some(100));
        assert_eq!(held.with_page(15), Some(105), "the quota has room");
        assert_eq!(held.with_page(16), None);
        let alone = Reserved { under_way: 0, free: 0, ..held };
        assert_eq!(alone.with_page(1_000), Some(100), "one page may pass the reservation");
        assert_eq!(Reserved { charged: 100, ..alone }.with_page(1), None);
    }

    #[test]
    fn account_slows_down_when_most_of_many_answers_are_useless() {
        for (all, useless, slow) in [(49, 49, false), (50, 25, false), (50, 26, true), (1_000, 501, true)] {
            assert_eq!(Answers { all, useless }.slow_down(), slow, "{useless} of {all}");
        }
    }

    #[test]
    fn amounts_are_formatted_in_dollars() {
        for (amount, text) in [(0, "$0.00"), (1, "$0.000001"), (99_999, "$0.099999"), (100_000, "$0.10")] {
            assert_eq!(dollars(amount), text);
        }
        assert_eq!((dollars(1_234_567), dollars(1_999_999)), ("$1.23".into(), "$2.00".into()));
    }

    proptest! {
        /// Invariant C3, for the arithmetic alone: at most one request exceeds the ceiling, whatever requests cost up to their maximum.
        #[test]
        fn spending_never_passes_the_ceiling_by_more_than_one_request(
            events in prop::collection::vec((1u64..50, 1u64..40, any::<u8>(), any::<bool>()), 1..200),
        ) {
            let (mut settled, mut open, mut largest) = (0, Vec::new(), 0);
            for (expected, factor, actual_share, settles) in events {
                let most = expected * factor;
                let request = request(expected, most);
                let committed = open.iter().sum();
                if BUDGET.admits(&day((settled, committed), (0, 0)), false, &request) {
                    open.push(most);
                    largest = largest.max(most);
                }
                if settles && !open.is_empty() {
                    settled += open.swap_remove(0) * u64::from(actual_share) / 255;
                }
            }
            settled += open.iter().sum::<u64>();
            prop_assert!(settled <= 1_000 + largest);
        }

        /// Charges exceed the reservation or the quota by at most one page, whatever pages cost up to their maximum.
        #[test]
        fn charges_never_pass_reservation_and_quota_by_more_than_one_page(
            tokens in 1u64..500, quota in 0u64..2_000,
            pages in prop::collection::vec((1u64..100, any::<u8>(), any::<bool>()), 1..100),
        ) {
            let limit = tokens.max(quota);
            let (mut reserved, mut charged, mut under_way, mut largest) = (tokens, 0, Vec::new(), 0);
            for (most, share, ends) in pages {
                let open = under_way.iter().sum();
                let held = Reserved { tokens: reserved, charged, under_way: open, free: quota.saturating_sub(charged) };
                if let Some(with) = held.with_page(most) {
                    (reserved, largest) = (with, largest.max(most));
                    under_way.push(most);
                }
                if ends && !under_way.is_empty() {
                    charged += under_way.swap_remove(0) * u64::from(share) / 255;
                }
            }
            charged += under_way.iter().sum::<u64>();
            prop_assert!(charged <= limit + largest, "{charged} of {limit}, {largest}");
        }
    }
}
