//! What each account may take of the page engine, and what it is told when that is used up.

use std::time::Duration;

use crate::accounts::Account;
use crate::accounts::{Caller, Network};
use crate::error::Error;
use crate::model::ErrorCode;
use crate::settings::Settings;
use coldbrew_pdf::{PdfError, Requester};

/// A share of the page engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineShare {
    /// Workers at once, for what a caller waits for and for what runs in the background each.
    pub workers_max: usize,
    /// Seconds that workers may work in an hour, all together; 0 for no limit.
    pub seconds_per_hour: u64,
}

/// The shares of single accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineShares {
    pub member: EngineShare,
    pub guest: EngineShare,
}

impl EngineShares {
    /// No account has a limit of its own.
    pub const UNLIMITED: Self = {
        let share = EngineShare { workers_max: usize::MAX, seconds_per_hour: 0 };
        Self { member: share, guest: share }
    };

    /// `workers_max`: of the engine. On a server of their own guests share as members do, and no time is limited by default.
    pub fn read(from: &mut Settings, workers_max: usize, guests_are_owners: bool) -> Self {
        let all_but_one = workers_max.saturating_sub(1).max(1);
        let hourly = |seconds| if guests_are_owners { 0 } else { seconds };
        let member = EngineShare {
            workers_max: from.positive("pages.account-workers-max", "COLDBREW_PAGE_ACCOUNT_WORKERS_MAX", all_but_one),
            seconds_per_hour: from.value(
                "pages.engine-seconds-per-hour",
                "COLDBREW_ENGINE_SECONDS_PER_HOUR",
                hourly(7_200),
            ),
        };
        let own = if guests_are_owners { member.workers_max } else { 1 };
        let guest = EngineShare {
            workers_max: from.positive("pages.guest-workers-max", "COLDBREW_PAGE_GUEST_WORKERS_MAX", own),
            seconds_per_hour: from.value(
                "pages.guest-engine-seconds-per-hour",
                "COLDBREW_GUEST_ENGINE_SECONDS_PER_HOUR",
                hourly(600),
            ),
        };
        Self { member, guest }
    }

    /// The caller as the page engine knows it.
    pub fn of_caller(&self, caller: &Caller) -> Requester {
        self.of_account(&caller.account, caller.network.as_ref())
    }

    /// An account as the page engine knows it. `network`: where its request came from.
    pub fn of_account(&self, account: &Account, network: Option<&Network>) -> Requester {
        let share = if account.email.is_none() { self.guest } else { self.member };
        Requester {
            account: account.id.clone(),
            network: network.map(Network::to_string),
            permits_max: share.workers_max,
            seconds_per_hour: share.seconds_per_hour,
        }
    }
}

/// What a caller is told when the engine has no worker for it; `None` if that is not the error.
pub fn no_worker(error: &PdfError) -> Option<Error> {
    match error {
        PdfError::Busy => {
            let words = "Many documents are being read at the moment. Please try again in a little while.";
            Some(Error::refused(ErrorCode::Unavailable, words))
        }
        PdfError::BudgetSpent(wait) => Some(engine_time_used_up(*wait)),
        _ => None,
    }
}

/// The refusal of an account that has no time of the page engine before `wait` is over.
pub fn engine_time_used_up(wait: Duration) -> Error {
    Error::too_many("Your documents have used the reading time that an account has in an hour.", wait)
}
