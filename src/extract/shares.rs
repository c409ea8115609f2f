//! The limits of each account at the page engine, and the errors when they are reached.

use std::time::Duration;

use crate::accounts::Account;
use crate::accounts::{Caller, Network};
use crate::error::Error;
use crate::model::ErrorCode;
use crate::settings::Settings;
use coldbrew_pdf::{PdfError, Requester};

/// The limits of one account at the page engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineShare {
    /// The most concurrent workers, counted separately for interactive and for background work.
    pub workers_max: usize,
    /// The most seconds of worker time in an hour; 0 for no limit.
    pub seconds_per_hour: u64,
}

/// The limits of each member and of each guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineShares {
    pub member: EngineShare,
    pub guest: EngineShare,
}

impl EngineShares {
    /// No limits.
    pub const UNLIMITED: Self = {
        let share = EngineShare { workers_max: usize::MAX, seconds_per_hour: 0 };
        Self { member: share, guest: share }
    };

    /// Reads the settings `pages.account-*`, `pages.guest-*` and `pages.engine-seconds-per-hour`. `workers_max`: that of the engine. With
    /// `guests_are_owners`, guests default to the limits of members, and time is unlimited by default.
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

    /// The requester at the page engine for a caller.
    pub fn of_caller(&self, caller: &Caller) -> Requester {
        self.of_account(&caller.account, caller.network.as_ref())
    }

    /// The requester at the page engine for an account. `network`: that of the request.
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

/// The caller's error when the engine has no worker for it; `None` for any other error.
pub fn no_worker(error: &PdfError) -> Option<Error> {
    match error {
        PdfError::Busy => {
            let message = "The server is reading many documents right now. Try again in a moment.";
            Some(Error::refused(ErrorCode::Unavailable, message))
        }
        PdfError::BudgetSpent(wait) => Some(engine_time_used_up(*wait)),
        _ => None,
    }
}

/// The error when an account has used its engine time. It has some again after `wait`.
pub fn engine_time_used_up(wait: Duration) -> Error {
    Error::too_many("Your documents have used this hour's reading time.", wait)
}
