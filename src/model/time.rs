//! The one representation of an instant: milliseconds since the Unix epoch, UTC.

use serde::{Deserialize, Serialize};

/// An instant in milliseconds since 1970-01-01T00:00:00Z. The clock that makes it is always an argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct UnixMs(pub i64);

const DAY_MS: i64 = 86_400_000;

impl UnixMs {
    /// The UTC day of this instant, counted from 1970-01-01.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY_MS)
    }

    /// How many milliseconds are left of its UTC day; at least 1.
    pub const fn ms_to_midnight(self) -> i64 {
        DAY_MS - self.0.rem_euclid(DAY_MS)
    }

    /// This instant moved by `ms` milliseconds, stopping at the ends of the range instead of wrapping.
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

#[cfg(test)]
mod tests {
    use super::UnixMs;

    #[test]
    fn day_begins_at_midnight_utc() {
        let noon = UnixMs(1_800_014_400_000);
        assert_eq!((noon.day(), noon.ms_to_midnight()), (20_833, 43_200_000));
        let midnight = noon.plus(noon.ms_to_midnight());
        assert_eq!((midnight.day(), midnight.plus(-1).day()), (20_834, 20_833));
        assert_eq!(midnight.ms_to_midnight(), 86_400_000);
        assert_eq!(UnixMs(-1).day(), -1);
    }
}
