//! An instant, for the viewer's own clock and way of writing.
//!
//! The server cannot know either, so it writes UTC and says so; `browser/times.rs` replaces the text.

use leptos::prelude::*;

use crate::model::UnixMs;

const DAY_MS: i64 = 86_400_000;

/// `14:32`; with `day`, the date too.
#[component]
pub fn LocalTime(at: UnixMs, #[prop(optional)] day: bool) -> impl IntoView {
    view! {
        <time datetime=rfc3339(at) data-day=day.then_some("")>
            {utc_words(at, day)}
        </time>
    }
}

/// `2026-11-23 14:32 UTC`, or `14:32 UTC`.
fn utc_words(at: UnixMs, day: bool) -> String {
    let (date, clock) = (date_of(at), clock_of(at));
    if day { format!("{date} {clock} UTC") } else { format!("{clock} UTC") }
}

fn rfc3339(at: UnixMs) -> String {
    let seconds = at.0.rem_euclid(60_000) / 1_000;
    format!("{}T{}:{seconds:02}Z", date_of(at), clock_of(at))
}

fn clock_of(at: UnixMs) -> String {
    let minutes = at.0.rem_euclid(DAY_MS) / 60_000;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The civil date of an instant. A calendar library would weigh more than this page.
fn date_of(at: UnixMs) -> String {
    // Days are counted from 1 March of the year 0, in eras of 400 years: leap days then come last in a year.
    let days = at.0.div_euclid(DAY_MS) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn writes_utc() {
        let at = UnixMs(1_795_444_320_000);
        assert_eq!(rfc3339(at), "2026-11-23T14:32:00Z");
        assert_eq!(utc_words(at, false), "14:32 UTC");
    }

    proptest! {
        #[test]
        fn agrees_with_a_calendar_library(ms in -60_000_000_000_000i64..250_000_000_000_000) {
            let expected = jiff::Timestamp::from_millisecond(ms - ms.rem_euclid(1_000)).unwrap_or_default();
            prop_assert_eq!(rfc3339(UnixMs(ms)), expected.to_string());
        }
    }
}
