//! Protection against other sites: the CSRF check of requests, and the security headers of responses.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::auth::bearer;
use crate::error::{Error, Result};
use crate::model::ErrorCode;

/// Refuses a state-changing request that a browser sends for another site. Browsers never add a bearer token by themselves, so requests
/// with one pass.
///
/// # Errors
/// `cross_site_request`
pub fn same_site(public_url: Option<&str>, request: &Request) -> Result<()> {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let headers = request.headers();
    if is_safe || bearer(headers).is_some() || is_same_origin(headers, public_url) {
        return Ok(());
    }
    let message = "This request came from another site. Open this server's own page and try again.";
    Err(Error::refused(ErrorCode::CrossSite, message))
}

/// Whether the headers say that our own page sent the request. A client without these headers is no browser, and has no cookie to abuse.
fn is_same_origin(headers: &HeaderMap, public_url: Option<&str>) -> bool {
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

/// Whether a navigation started on our own page or in the address bar. A browser without `Sec-Fetch-Site` is accepted.
pub fn comes_from_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    site.is_none_or(|site| matches!(site, b"same-origin" | b"none"))
}

/// Adds the security headers that every response has. With `https`, browsers must use HTTPS from then on.
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
    // A response that is no page has nothing to load or run, however a browser interprets it.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
    ));
    // API responses belong to one account.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    if https {
        let two_years = HeaderValue::from_static("max-age=63072000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, two_years);
    }
}
