//! Instants, in milliseconds since the Unix epoch, UTC.

use serde::{Deserialize, Serialize};

/// An instant in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct UnixMs(pub i64);

const DAY_MS: i64 = 86_400_000;

impl UnixMs {
    /// The UTC day of this instant, in days since 1970-01-01.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY_MS)
    }

    /// The milliseconds until the next UTC midnight; at least 1.
    pub const fn ms_to_midnight(self) -> i64 {
        DAY_MS - self.0.rem_euclid(DAY_MS)
    }

    /// This instant plus `ms` milliseconds, saturating at the ends of the range.
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// RFC 3339 in UTC with milliseconds: `2026-11-23T14:32:00.000Z`. A calendar library would make the WebAssembly much larger.
    pub fn rfc3339(self) -> String {
        // Days are counted from 1 March of year 0, in eras of 400 years, so that a leap day is the last day of its year.
        let days = self.day() + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        let ms = self.0.rem_euclid(DAY_MS);
        let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", ms % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::UnixMs;

    proptest! {
        #[test]
        fn rfc3339_equals_calendar_library(ms in -60_000_000_000_000i64..250_000_000_000_000) {
            let expected = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
            prop_assert_eq!(UnixMs(ms).rfc3339(), format!("{expected:.3}"));
        }
    }

    #[test]
    fn day_starts_at_midnight_utc() {
        let noon = UnixMs(1_800_014_400_000);
        assert_eq!((noon.day(), noon.ms_to_midnight()), (20_833, 43_200_000));
        let midnight = noon.plus(noon.ms_to_midnight());
        assert_eq!((midnight.day(), midnight.plus(-1).day()), (20_834, 20_833));
        assert_eq!(midnight.ms_to_midnight(), 86_400_000);
        assert_eq!(UnixMs(-1).day(), -1);
    }
}
