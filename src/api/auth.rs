//! Who is calling: a bearer token or a session cookie, decided here for every route.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use axum_extra::extract::CookieJar;

use super::ApiState;
use super::error::Failure;
use crate::error::{Error, Result};
use crate::model::ErrorCode;
use crate::services::Services;
use crate::store::Account;

/// The account that a request comes from. A handler that takes one cannot be reached without.
pub struct Caller(pub Account);

impl FromRequestParts<ApiState> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Failure> {
        let account = account_of(&state.services, &parts.headers).await?;
        Ok(Self(account.ok_or_else(unauthenticated)?))
    }
}

/// Refuses a request that nobody vouches for.
pub fn unauthenticated() -> Error {
    let words = "Sign in, or send a bearer token. POST /v1/users/guest makes one.";
    Error::refused(ErrorCode::Unauthenticated, words)
}

/// The account of a request, if its token or its cookie opens one.
pub async fn account_of(services: &Services, headers: &HeaderMap) -> Result<Option<Account>> {
    match secret_of(headers) {
        Some(secret) => services.identity.whose(&secret).await,
        None => Ok(None),
    }
}

/// What a request shows to prove who it comes from.
pub fn secret_of(headers: &HeaderMap) -> Option<String> {
    bearer(headers).map(str::to_owned).or_else(|| session(headers))
}

/// The bearer token of a request.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The session cookie of a request.
pub fn session(headers: &HeaderMap) -> Option<String> {
    let cookies = CookieJar::from_headers(headers);
    let cookie = [SECURE_NAME, PLAIN_NAME].into_iter().find_map(|name| cookies.get(name))?;
    Some(cookie.value().to_owned())
}

/// A browser binds this name to the host and to HTTPS. It cannot be had without HTTPS.
const SECURE_NAME: &str = "__Host-coldbrew";
const PLAIN_NAME: &str = "coldbrew";

/// The `Set-Cookie` value that starts a session in a browser.
pub fn session_cookie(secret: &str, max_age_ms: i64, https: bool) -> String {
    let (name, secure) = if https { (SECURE_NAME, "; Secure") } else { (PLAIN_NAME, "") };
    let max_age_s = max_age_ms / 1_000;
    format!("{name}={secret}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}")
}

/// Gives a browser that opens a page a new session in the place of one that has grown old.
pub async fn rotate(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let opens_page = request.method() == Method::GET && !path.starts_with("/pkg/") && !path.starts_with("/v1/");
    let secret = session(request.headers()).filter(|_| opens_page);
    let mut response = next.run(request).await;
    let Some(secret) = secret else { return response };
    match state.services.membership.rotate(&secret).await {
        Ok(None) => {}
        Ok(Some(new)) => {
            let cookie = session_cookie(&new.secret, new.max_age_ms, state.site.https());
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        Err(error) => tracing::warn!(%error, "a session could not be replaced"),
    }
    response
}
