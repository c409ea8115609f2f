//! Asks the server for a page as a reload would, without leaving the one that is shown.

use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Document, DomParser, RequestInit, Response, SupportedType};

/// A server that takes longer than this is taken for one that is away.
const PATIENCE_MS: u32 = 10_000;

/// What came of asking.
pub enum Answer {
    Page(Document),
    /// The address leads elsewhere by now.
    Moved(String),
    /// It is not there any more, or not for this person.
    Gone,
}

/// Fetches the page at an address. `Err`: there was no answer, or none that is of use.
pub async fn page_at(address: &str) -> Result<Answer, JsValue> {
    let request = RequestInit::new();
    request.set_signal(Some(&AbortSignal::timeout_with_u32(PATIENCE_MS)));
    let response = JsFuture::from(window().fetch_with_str_and_init(address, &request)).await?;
    let response: Response = response.dyn_into()?;
    // 401 and 404; too many requests is no reason to leave.
    if matches!(response.status(), 401 | 404) {
        return Ok(Answer::Gone);
    }
    if !response.ok() {
        return Err(JsValue::NULL);
    }
    if response.redirected() {
        return Ok(Answer::Moved(response.url()));
    }
    let html = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    DomParser::new()?.parse_from_string(&html, SupportedType::TextHtml).map(Answer::Page)
}
