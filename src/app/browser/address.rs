//! Changes the query of the tab's address.

use leptos::prelude::window;
use wasm_bindgen::JsValue;

/// The tab's path and query, with `part` (`name=value`) added and the parts whose prefix (`name=`) is in `dropped` removed.
pub(crate) fn with(part: &str, dropped: &[&str]) -> String {
    let location = window().location();
    let (path, search) = (location.pathname().unwrap_or_default(), location.search().unwrap_or_default());
    rewritten(&format!("{path}{search}"), part, dropped)
}

/// Like [`with`], for any address. The fragment is dropped.
pub(crate) fn rewritten(address: &str, part: &str, dropped: &[&str]) -> String {
    let address = address.split('#').next().unwrap_or_default();
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let is_kept = |kept: &&str| !kept.is_empty() && !dropped.iter().any(|name| kept.starts_with(name));
    let query: Vec<&str> = query.split('&').filter(is_kept).chain((!part.is_empty()).then_some(part)).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// Replaces the tab's address without loading a page.
pub(crate) fn replace(address: &str) {
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(address));
    }
}

/// Adds an entry to the tab's history without loading a page.
pub(crate) fn push(address: &str) {
    if let Ok(history) = window().history() {
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(address));
    }
}
