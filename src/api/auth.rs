//! Authentication: identifies the caller of every route by a bearer token or a session cookie.

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use axum_extra::extract::CookieJar;

use super::error::Failure;
use super::{ApiState, client_address};
pub use crate::accounts::Caller;
use crate::accounts::{Account, CredentialKind};
use crate::accounts::{Network, digest, is_well_formed};
use crate::error::{Error, Result};
use crate::model::ErrorCode;

/// The account that [`identify`] found, if any. The extension is absent if the database did not answer.
#[derive(Clone)]
struct CallerAccount(Option<Account>);

/// Makes a handler that takes a [`Caller`] require an account.
impl FromRequestParts<ApiState> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Failure> {
        let account = account_of(state, parts).await?.ok_or_else(unauthenticated)?;
        Ok(Self { account, network: network_of(&parts.extensions) })
    }
}

/// Identifies the account and the network of a request, once for all later checks.
pub async fn identify(state: &ApiState, request: &mut Request) {
    if !needs_no_account(request.uri().path())
        && let Ok(found) = look_up(state, request.headers()).await
    {
        request.extensions_mut().insert(CallerAccount(found));
    }
    if let Some(network) = client_address::of(request.extensions()).and_then(Network::of) {
        request.extensions_mut().insert(network);
    }
}

/// Routes that must answer while the database is down: files of the site, probes and metrics.
pub fn needs_no_account(path: &str) -> bool {
    is_asset(path) || matches!(path, "/healthz" | "/readyz" | "/metrics")
}

/// Files of the site that every page loads.
pub fn is_asset(path: &str) -> bool {
    path.starts_with("/pkg/") || path == "/favicon.svg"
}

/// The error for a request without a valid credential.
pub fn unauthenticated() -> Error {
    let message = "Sign in, or send a bearer token. POST /v1/users/guest creates one.";
    Error::refused(ErrorCode::Unauthenticated, message)
}

/// The account of the request's token or cookie, or `None` if there is no valid one.
///
/// # Errors
/// `unavailable` or `internal` if the database fails.
pub async fn account_of(state: &ApiState, parts: &Parts) -> Result<Option<Account>> {
    match parts.extensions.get() {
        Some(CallerAccount(account)) => Ok(account.clone()),
        None => look_up(state, &parts.headers).await,
    }
}

/// The caller who is about to become a member, and the secret of the session that a new session replaces. A request without an account gets
/// a new one, also where guests are not allowed.
///
/// # Errors
/// `unavailable` or `internal` if the database fails.
pub async fn caller_or_new(state: &ApiState, parts: &Parts) -> Result<(Caller, Option<String>)> {
    let (account, session) = match account_of(state, parts).await? {
        Some(account) => (account, session(&parts.headers, state.site.https())),
        None => {
            let guest = state.services.identity.create_account(CredentialKind::Session).await?;
            (guest.account, Some(guest.secret))
        }
    };
    Ok((Caller { account, network: network_of(&parts.extensions) }, session))
}

/// The network of a request's client.
pub fn network_of(extensions: &Extensions) -> Option<Network> {
    extensions.get().copied()
}

/// The account that [`identify`] found.
pub fn found(extensions: &Extensions) -> Option<&Account> {
    extensions.get::<CallerAccount>()?.0.as_ref()
}

async fn look_up(state: &ApiState, headers: &HeaderMap) -> Result<Option<Account>> {
    match credential(headers, state.site.https()) {
        Some(digest) => state.services.identity.account_of_credential(&digest).await,
        None => Ok(None),
    }
}

/// The digest of the request's bearer token, or else of its session cookie.
pub fn credential(headers: &HeaderMap, https: bool) -> Option<String> {
    let secret = bearer(headers).map(str::to_owned).or_else(|| session(headers, https));
    // A mistyped token needs no look into the database.
    secret.filter(|secret| is_well_formed(secret)).map(|secret| digest(&secret))
}

/// The bearer token of a request.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

/// The secret in the session cookie of a request. With HTTPS, only the cookie counts that no other host of the domain can set.
pub fn session(headers: &HeaderMap, https: bool) -> Option<String> {
    let cookies = CookieJar::from_headers(headers);
    Some(cookies.get(if https { SECURE_NAME } else { PLAIN_NAME })?.value().to_owned())
}

/// Browsers accept this prefix only with `Secure`, `Path=/` and no `Domain`, so another host of the domain cannot set the cookie
/// (<https://developer.mozilla.org/zh-CN/docs/Web/HTTP/Headers/Set-Cookie>, read 2026-11-30).
const SECURE_NAME: &str = "__Host-coldbrew";
const PLAIN_NAME: &str = "coldbrew";

/// The `Set-Cookie` value that starts a session in a browser.
pub fn session_cookie(secret: &str, max_age_ms: i64, https: bool) -> String {
    cookie(if https { SECURE_NAME } else { PLAIN_NAME }, secret, max_age_ms, https)
}

/// A `Set-Cookie` value. The cookie is hidden from scripts. Browsers send it to us from other sites only when a link is followed.
pub fn cookie(name: &str, value: &str, max_age_ms: i64, https: bool) -> String {
    let secure = if https { "; Secure" } else { "" };
    let max_age_s = max_age_ms / 1_000;
    format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}")
}

/// The secret of the session cookie, if the request opens a page in a browser.
pub fn session_of_page(state: &ApiState, request: &Request) -> Option<String> {
    let path = request.uri().path();
    let others = ["/pkg/", "/v1/", "/sign-in/"];
    let opens_page = request.method() == Method::GET
        && !needs_no_account(path)
        && !others.iter().any(|other| path.starts_with(other));
    session(request.headers(), state.site.https()).filter(|_| opens_page)
}

/// Replaces an old session, and sends the new cookie with this response.
pub async fn rotate(state: &ApiState, secret: &str, response: &mut Response) {
    match state.services.membership.rotate(secret).await {
        Ok(None) => {}
        Ok(Some(new)) => {
            let cookie = session_cookie(&new.secret, new.max_age_ms, state.site.https());
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        Err(error) => tracing::warn!(%error, "replacing a session failed"),
    }
}

/// Marks a request as [`identify`] does.
#[cfg(test)]
pub fn identified_for_test(request: &mut Request, account_id: &str) {
    let account = Account { id: account_id.to_owned(), email: None, quota_tokens: None };
    request.extensions_mut().insert(CallerAccount(Some(account)));
}
