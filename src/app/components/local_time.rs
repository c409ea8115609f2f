//! An instant in the viewer's time zone and locale.
//!
//! The server knows neither, so it writes UTC and says so; `browser/times.rs` replaces the text.

use leptos::prelude::*;

use crate::model::UnixMs;

/// The time, `14:32`; with `day`, the date too.
#[component]
pub fn LocalTime(at: UnixMs, #[prop(optional)] day: bool) -> impl IntoView {
    view! {
        <time datetime=at.rfc3339() data-day=day.then_some("")>
            {utc_words(at, day)}
        </time>
    }
}

/// `2026-11-23 14:32 UTC`, or `14:32 UTC`.
fn utc_words(at: UnixMs, day: bool) -> String {
    let text = at.rfc3339();
    let (date, clock) = text.split_once('T').unwrap_or_default();
    let clock = clock.get(..5).unwrap_or_default();
    if day { format!("{date} {clock} UTC") } else { format!("{clock} UTC") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_writes_utc_and_says_so() {
        let at = UnixMs(1_795_444_320_000);
        assert_eq!(utc_words(at, false), "14:32 UTC");
        assert_eq!(utc_words(at, true), "2026-11-23 14:32 UTC");
    }
}
