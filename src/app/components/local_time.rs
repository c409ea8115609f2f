//! An instant in the viewer's own clock and way of writing.
//!
//! The server cannot know either, so it writes UTC and says so; once the page is awake the text is replaced.

use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::model::UnixMs;

const DAY_MS: i64 = 86_400_000;

/// `14:32`; with `day`, the date too.
#[component]
pub fn LocalTime(at: UnixMs, #[prop(optional)] day: bool) -> impl IntoView {
    let (text, set_text) = signal(utc_words(at, day));
    // Effects run in the browser only, after the first render.
    Effect::new(move |_| set_text.set(local_words(at, day)));
    view! { <time datetime=rfc3339(at)>{text}</time> }
}

/// [`LocalTime`] for a page that is otherwise only rendered on the server.
#[island]
pub fn LocalDay(at: UnixMs) -> impl IntoView {
    view! { <LocalTime at day=true /> }
}

fn local_words(at: UnixMs, day: bool) -> String {
    // A double holds every millisecond of the next quarter of a million years.
    #[allow(clippy::cast_precision_loss)]
    let date = js_sys::Date::new(&JsValue::from_f64(at.0 as f64));
    let options = js_sys::Object::new();
    let wanted: &[(&str, &str)] = match day {
        true => &[("dateStyle", "medium"), ("timeStyle", "short")],
        false => &[("hour", "2-digit"), ("minute", "2-digit")],
    };
    for (key, value) in wanted {
        let _ = js_sys::Reflect::set(&options, &JsValue::from_str(key), &JsValue::from_str(value));
    }
    // The browser's own languages, in the person's order.
    let languages: JsValue = window().navigator().languages().into();
    let date: JsValue = date.into();
    let format = js_sys::Reflect::get(&date, &JsValue::from_str("toLocaleString"));
    let words = format.ok().and_then(|format| {
        let format: js_sys::Function = wasm_bindgen::JsCast::dyn_into(format).ok()?;
        format.call2(&date, &languages, &options).ok()?.as_string()
    });
    words.unwrap_or_else(|| utc_words(at, day))
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
