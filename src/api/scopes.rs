//! The scopes of API tokens. This is the only place that checks them: for every route, by its method and path.

use axum::extract::Request;
use axum::http::Method;

use super::ApiState;
use super::auth::{bearer, needs_no_account};
use crate::accounts::is_token;
use crate::error::{Error, Result};
use crate::model::{ErrorCode, Scope, Scopes};

/// The token of a request, and the scopes that its route needs.
pub(super) struct Needed {
    token: String,
    scopes: Scopes,
}

/// What has to be checked. `None` if the request has no token or the route needs no scope. Sessions, and tokens from before there were
/// scopes, may do everything.
pub(super) fn needed_by(request: &Request) -> Option<Needed> {
    let token = bearer(request.headers()).filter(|token| is_token(token))?.to_owned();
    let scopes = needed(request.method(), request.uri().path());
    (!scopes.is_empty()).then_some(Needed { token, scopes })
}

/// Refuses a request whose token lacks a scope.
///
/// # Errors
/// `insufficient_scope`; `unavailable` or `internal` if the database fails.
pub(super) async fn check(state: &ApiState, needed: Option<Needed>) -> Result<()> {
    let Some(Needed { token, scopes: needed }) = needed else { return Ok(()) };
    // Handlers refuse an unknown token.
    let Some(scopes) = state.services.membership.use_token(&token).await? else { return Ok(()) };
    if scopes.include(&needed) {
        return Ok(());
    }
    let message = format!("This token may not do that. It needs the scope: {}.", needed.to_text().replace(' ', ", "));
    Err(Error::refused(ErrorCode::InsufficientScope, message))
}

/// The scopes that a route needs. A route that is not listed reads with GET, and submits otherwise.
fn needed(method: &Method, path: &str) -> Scopes {
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let manages = ["/v1/users/me/tokens", "/account", "/operator"].iter().any(|prefix| path.starts_with(prefix));
    let scope = if needs_no_account(path) || path == "/v1/users/guest" {
        None
    } else if path.starts_with("/api/") {
        // The web app's calls do everything, so a token must be allowed everything.
        return Scopes::all();
    } else if manages || (path.starts_with("/v1/users/") && !reads) {
        Some(Scope::Account)
    } else if reads {
        Some(Scope::Read)
    } else {
        Some(Scope::Submit)
    };
    scope.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn route_needs_the_scope_of_its_method_and_path() {
        for (method, path, scopes) in [
            (Method::GET, "/v1/documents", "read"),
            (Method::GET, "/v1/documents/d/markdown", "read"),
            (Method::GET, "/v1/users/me/usage", "read"),
            (Method::GET, "/documents/d", "read"),
            (Method::POST, "/v1/documents/document", "submit"),
            (Method::POST, "/v1/documents/prepare/upload", "submit"),
            (Method::DELETE, "/v1/documents/d", "submit"),
            (Method::DELETE, "/v1/users/me", "account"),
            (Method::GET, "/v1/users/me/tokens", "account"),
            (Method::POST, "/v1/users/me/tokens", "account"),
            (Method::DELETE, "/v1/users/me/tokens/t", "account"),
            (Method::GET, "/account", "account"),
            (Method::POST, "/api/fetch_me", "read submit account"),
            (Method::POST, "/v1/users/guest", ""),
            (Method::GET, "/healthz", ""),
            (Method::GET, "/pkg/app.js", ""),
        ] {
            assert_eq!(needed(&method, path).to_text(), scopes, "{method} {path}");
        }
    }
}
