//! Fetches pages and sends forms without leaving the shown page.

use leptos::prelude::window;
use leptos::server_fn::error::FromServerFnError as _;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, Document, DomParser, Element, FormData, Headers, HtmlFormElement, RequestInit, Response,
    SupportedType, UrlSearchParams,
};

use crate::app::server::server_unavailable;
use crate::model::ApiError;

/// A server that takes longer counts as unavailable.
const PATIENCE_MS: u32 = 10_000;

/// The result of fetching a page.
pub(crate) enum Answer {
    Page(Document),
    /// The address redirects to another one.
    Moved(String),
    /// The page does not exist for this account.
    Gone,
}

/// Fetches the page at an address.
///
/// # Errors
/// If there is no answer, or one that is neither a page nor 401 or 404.
pub(crate) async fn page_at(address: &str) -> Result<Answer, JsValue> {
    let request = RequestInit::new();
    request.set_signal(Some(&AbortSignal::timeout_with_u32(PATIENCE_MS)));
    let response = fetch(address, &request).await?;
    // Other errors, such as 429, pass: the page stays.
    if matches!(response.status(), 401 | 404) {
        return Ok(Answer::Gone);
    }
    if !response.ok() {
        return Err(JsValue::NULL);
    }
    if response.redirected() {
        return Ok(Answer::Moved(response.url()));
    }
    parse(&text_of(&response).await?).map(Answer::Page)
}

/// Sends a form as a browser without script would. Returns the page that the server redirects to, with its address. `button`: the
/// submitter.
///
/// # Errors
/// The error of a layer in front of the server functions, or `unavailable` if there is no answer.
pub(crate) async fn submit(form: &HtmlFormElement, button: Option<&Element>) -> Result<(Document, String), ApiError> {
    let sent = async {
        let data = FormData::new_with_form(form)?;
        if let Some(name) = button.and_then(|button| button.get_attribute("name")) {
            let value = button.and_then(|button| button.get_attribute("value")).unwrap_or_default();
            data.append_with_str(&name, &value)?;
        }
        let (request, headers) = (RequestInit::new(), Headers::new()?);
        headers.set("Accept", "text/html")?;
        request.set_headers(&headers);
        request.set_method("POST");
        request.set_body(&UrlSearchParams::new_with_str_sequence_sequence(&data)?.into());
        let response = fetch(&form.get_attribute("action").unwrap_or_default(), &request).await?;
        Ok::<_, JsValue>((text_of(&response).await?, response))
    };
    match sent.await {
        Ok((html, response)) if response.redirected() => {
            Ok((parse(&html).map_err(|_| server_unavailable())?, response.url()))
        }
        // A layer in front of the server functions answers without a redirect.
        Ok((refusal, _)) => Err(ApiError::de(refusal.into())),
        Err(_) => Err(server_unavailable()),
    }
}

async fn fetch(address: &str, request: &RequestInit) -> Result<Response, JsValue> {
    JsFuture::from(window().fetch_with_str_and_init(address, request)).await?.dyn_into()
}

async fn text_of(response: &Response) -> Result<String, JsValue> {
    Ok(JsFuture::from(response.text()?).await?.as_string().unwrap_or_default())
}

fn parse(html: &str) -> Result<Document, JsValue> {
    DomParser::new()?.parse_from_string(html, SupportedType::TextHtml)
}
