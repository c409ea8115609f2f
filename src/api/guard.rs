//! What every request passes before a handler sees it.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::auth::bearer;
use crate::error::{Error, Result};
use crate::model::ErrorCode;

/// Refuses what another site makes a browser send. A bearer token is no browser's doing, so it needs no such check.
///
/// # Errors
/// `cross_site`
pub fn same_site(public_url: Option<&str>, request: &Request) -> Result<()> {
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let headers = request.headers();
    if harmless || bearer(headers).is_some() || comes_from_here(headers, public_url) {
        return Ok(());
    }
    Err(Error::refused(ErrorCode::CrossSite, "This request came from another site."))
}

/// Whether a browser says that its own page sent this. A caller that is no browser says nothing, and has no cookie to abuse.
fn comes_from_here(headers: &HeaderMap, public_url: Option<&str>) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(&HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    match text(&header::ORIGIN) {
        None => true,
        Some(origin) => {
            let host = text(&header::HOST);
            let is_host = origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == host);
            is_host || public_url.is_some_and(|url| url.trim_end_matches('/') == origin)
        }
    }
}

/// Whether a person got here by a page of ours, or by typing. A browser too old to say cannot be told apart.
pub fn comes_from_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    site.is_none_or(|site| matches!(site, b"same-origin" | b"none"))
}

/// Adds the headers that every answer has. `https`: browsers reach the site by HTTPS.
pub fn add_headers(headers: &mut HeaderMap, https: bool) {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What is not a page has nothing to load or to run, whatever a browser takes it for.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
    ));
    // What an API call answers belongs to one account.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    if https {
        let two_years = HeaderValue::from_static("max-age=63072000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, two_years);
    }
}
