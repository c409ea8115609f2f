//! What each account may take of the page engine.

use super::Source;
use crate::extract::{EngineShare, EngineShares};

/// How the page engine is shared.
#[derive(Clone, Copy, Debug)]
pub struct EngineSharing {
    /// Requests that wait for a worker.
    pub waiting_max: usize,
    pub shares: EngineShares,
}

impl EngineSharing {
    /// `workers_max`: of the engine. On a server of their own guests share as members do, and no time is limited by default.
    pub(super) fn read(source: &mut Source, workers_max: usize, guests_are_owners: bool) -> Self {
        let all_but_one = workers_max.saturating_sub(1).max(1);
        let member = EngineShare {
            workers_max: source.at_least_1(
                "pages.account-workers-max",
                "COLDBREW_PAGE_ACCOUNT_WORKERS_MAX",
                all_but_one,
            ),
            seconds_per_hour: source.value(
                "pages.engine-seconds-per-hour",
                "COLDBREW_ENGINE_SECONDS_PER_HOUR",
                if guests_are_owners { 0 } else { 7_200 },
            ),
        };
        let guest = EngineShare {
            workers_max: source.at_least_1(
                "pages.guest-workers-max",
                "COLDBREW_PAGE_GUEST_WORKERS_MAX",
                if guests_are_owners { member.workers_max } else { 1 },
            ),
            seconds_per_hour: source.value(
                "pages.guest-engine-seconds-per-hour",
                "COLDBREW_GUEST_ENGINE_SECONDS_PER_HOUR",
                if guests_are_owners { 0 } else { 600 },
            ),
        };
        let waiting_max = source.at_least_1("pages.waiting-max", "COLDBREW_PAGE_WAITING_MAX", 256);
        Self { waiting_max, shares: EngineShares { member, guest } }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Config;
    use super::*;

    fn shares(settings: &[(&str, &str)]) -> EngineShares {
        let find = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Config::read("", find).unwrap().engine.shares
    }

    #[test]
    fn guests_have_less_on_a_server_that_others_reach() {
        let (key, everywhere) = (("GEMINI_API_KEY", "key"), ("LEPTOS_SITE_ADDR", "0.0.0.0:80"));
        let (public, here) = (("COLDBREW_PUBLIC_URL", "https://coldbrew.example"), ("LEPTOS_SITE_ADDR", "[::1]:80"));
        for open in [[key, everywhere], [key, public]] {
            let EngineShares { member, guest } = shares(&open);
            assert_eq!((guest.workers_max, guest.seconds_per_hour), (1, 600), "{open:?}");
            assert_eq!((member.workers_max, member.seconds_per_hour), (3, 7_200));
        }
        for own in [[key, here], [everywhere, public]] {
            let EngineShares { member, guest } = shares(&own);
            assert_eq!((guest, guest.seconds_per_hour), (member, 0), "{own:?}");
        }
    }
}
