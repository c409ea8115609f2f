//! What this server may spend on Gemini in a UTC day.

use std::str::FromStr;

use super::gemini::micro_dollars;
use super::source::Source;

/// Ceilings in micro-dollars a day; `None`: none.
#[derive(Clone, Copy, Debug)]
pub struct Spend {
    /// For all accounts together.
    pub daily_max: Option<u64>,
    /// For all guests together.
    pub guests_daily_max: Option<u64>,
}

impl Spend {
    /// `demo`: the stand-in costs nothing, so there is no ceiling by default.
    pub(super) fn read(source: &mut Source, demo: bool) -> Self {
        let default = |dollars: u64| Ceiling((!demo).then_some(dollars * 1_000_000));
        let Ceiling(daily_max) = source.value("spend.daily-usd-max", "COLDBREW_SPEND_DAILY_USD_MAX", default(50));
        let Ceiling(guests_daily_max) =
            source.value("spend.guests-daily-usd-max", "COLDBREW_SPEND_GUESTS_DAILY_USD_MAX", default(5));
        Self { daily_max, guests_daily_max }
    }
}

struct Ceiling(Option<u64>);

impl FromStr for Ceiling {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self(None)),
            text => micro_dollars(text).map(|amount| Self(Some(amount))).ok_or("it must be dollars, as 12.50, or none"),
        }
    }
}
