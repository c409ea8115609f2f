//! Writes each `<time datetime>` in the viewer's time zone and locale; with `data-day`, the date too.
//!
//! The server knows neither, so it writes UTC and says so (`components/local_time.rs`).

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element};

use leptos::prelude::window;

/// Rewrites every instant of a page, shown or fetched.
pub(crate) fn localize(page: &Document) {
    let Ok(times) = page.query_selector_all("time[datetime]") else { return };
    for index in 0..times.length() {
        let Some(time) = times.get(index).and_then(|node| node.dyn_into::<Element>().ok()) else { continue };
        let words = time.get_attribute("datetime").and_then(|at| local_words(&at, time.has_attribute("data-day")));
        if words.is_some() {
            time.set_text_content(words.as_deref());
        }
    }
}

fn local_words(at: &str, day: bool) -> Option<String> {
    let date = js_sys::Date::new(&JsValue::from_str(at));
    let wanted: &[(&str, &str)] = match day {
        true => &[("dateStyle", "medium"), ("timeStyle", "short")],
        false => &[("hour", "2-digit"), ("minute", "2-digit")],
    };
    let options = js_sys::Object::new();
    for (key, value) in wanted {
        js_sys::Reflect::set(&options, &JsValue::from_str(key), &JsValue::from_str(value)).ok()?;
    }
    // The browser's languages, in the user's order.
    let languages: JsValue = window().navigator().languages().into();
    let format = js_sys::Reflect::get(&date, &JsValue::from_str("toLocaleString")).ok()?;
    format.dyn_into::<js_sys::Function>().ok()?.call2(&date, &languages, &options).ok()?.as_string()
}
