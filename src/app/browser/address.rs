//! The address that a tab shows, as a path and what stands in its query.

use leptos::prelude::window;
use wasm_bindgen::JsValue;

/// The same document or list with this in the query instead of what `dropped` names; both are `name=value`, the latter without value.
pub(crate) fn with(part: &str, dropped: &[&str]) -> String {
    let location = window().location();
    let (path, search) = (location.pathname().unwrap_or_default(), location.search().unwrap_or_default());
    rewritten(&format!("{path}{search}"), part, dropped)
}

/// See [`with`], for any address. What stands behind `#` is dropped.
pub(crate) fn rewritten(address: &str, part: &str, dropped: &[&str]) -> String {
    let address = address.split('#').next().unwrap_or_default();
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let is_kept = |kept: &&str| !kept.is_empty() && !dropped.iter().any(|name| kept.starts_with(name));
    let query: Vec<&str> = query.split('&').filter(is_kept).chain((!part.is_empty()).then_some(part)).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// Shows another address for what is shown already.
pub(crate) fn replace(address: &str) {
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(address));
    }
}

/// The same, so that going back leads to the address before.
pub(crate) fn push(address: &str) {
    if let Ok(history) = window().history() {
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(address));
    }
}
