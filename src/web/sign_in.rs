//! The routes that send a browser to the sign-in provider and receive it back.
//!
//! They are pages, not API routes: they respond with redirects, and the account page shows errors.

use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::{CookieJar, WithRejection};
use serde::Deserialize;

use super::bring::{bring_along, choice_cookie, is_chosen};
use super::client::client_name;
use crate::accounts::{NewSession, Pending, Provider};
use crate::api::ApiState;
use crate::api::auth::{account_of, caller_or_new, cookie, session_cookie};
use crate::api::error::Failure;
use crate::api::guard::comes_from_page;
use crate::error::Error;
use crate::model::{ApiError, EndedAccess, ErrorCode, SignInProblem};

/// Long enough to find a password and a second factor.
const PENDING_MS: i64 = 15 * 60_000;
const SECURE_NAME: &str = "__Host-coldbrew-sign-in";
const PLAIN_NAME: &str = "coldbrew-sign-in";

/// The parameters of the provider's redirect.
#[derive(Deserialize)]
pub(crate) struct Callback {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
}

/// What the page of an invitation and the sign-in form add to the link.
#[derive(Deserialize)]
pub(crate) struct Beginning {
    #[serde(default)]
    invitation: String,
    /// What the browser's guest has made moves into the account.
    #[serde(default)]
    bring: bool,
}

/// `GET /sign-in/provider`: redirects to the provider. It must come from our own page, so that no other site can add its identity to an
/// account.
///
/// # Errors
/// `not_found` without a configured provider; `invalid_request` if the query is malformed; `cross_site_request` if the request does not come
/// from our own page.
pub(crate) async fn begin(
    State(state): State<ApiState>,
    WithRejection(Query(beginning), _): WithRejection<Query<Beginning>, Failure>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let provider = provider(&state)?;
    if !comes_from_page(&headers) {
        return Err(Error::refused(ErrorCode::CrossSite, "Start the sign-in on the account page.").into());
    }
    Ok(match provider.begin().await {
        Ok((pending, url)) => {
            let pending = pending.with_invitation(&beginning.invitation);
            let https = state.site.https();
            let pending = pending_cookie(&pending.to_cookie(), PENDING_MS, https);
            let mut cookies = vec![pending];
            if beginning.bring || is_chosen(&headers, https) {
                cookies.push(choice_cookie(beginning.bring, PENDING_MS, https));
            }
            see_other(url.as_str(), &cookies)
        }
        Err(error) => back_with(problem(error), state.site.https()),
    })
}

/// `GET /sign-in/provider/callback`: finishes a sign-in.
///
/// # Errors
/// `not_found` without a configured provider; `invalid_request` if the query is malformed.
pub(crate) async fn finish(
    State(state): State<ApiState>,
    WithRejection(Query(callback), _): WithRejection<Query<Callback>, Failure>,
    request: Request,
) -> Result<Response, Failure> {
    let provider = provider(&state)?;
    let https = state.site.https();
    let (request, _) = request.into_parts();
    Ok(match signed_in(&state, provider, &request, callback).await {
        Ok(session) => {
            let cookie = session_cookie(&session.secret, session.max_age_ms, https);
            let mut cookies = vec![cookie, pending_cookie("", 0, https)];
            if is_chosen(&request.headers, https) {
                cookies.push(choice_cookie(false, 0, https));
            }
            see_other(&account_page(session.ended), &cookies)
        }
        Err(problem) => back_with(problem, https),
    })
}

async fn signed_in(
    state: &ApiState,
    provider: &Provider,
    request: &Parts,
    callback: Callback,
) -> Result<NewSession, SignInProblem> {
    let https = state.site.https();
    let cookies = CookieJar::from_headers(&request.headers);
    let stored = cookies.get(if https { SECURE_NAME } else { PLAIN_NAME }).map(|cookie| cookie.value().to_owned());
    let pending = stored.as_deref().and_then(Pending::from_cookie).filter(|pending| pending.is_of(&callback.state));
    let Some(pending) = pending else { return Err(SignInProblem::Failed) };
    let Some(code) = callback.code.filter(|_| callback.error.is_none()) else { return Err(SignInProblem::Declined) };
    let identity = provider.finish(&pending, &code).await.map_err(problem)?;
    let services = &state.services;
    let (membership, invitation) = (&services.membership, pending.invitation());
    let account = account_of(state, request).await.map_err(problem)?;
    membership.admit_identity(&identity, account.as_ref(), invitation).await.map_err(problem)?;
    let (caller, before) = caller_or_new(state, request).await.map_err(problem)?;
    let signed_in = membership.sign_in_as(&identity, &caller.account, invitation, before.as_deref()).await;
    let session = signed_in.map_err(problem)?;
    if is_chosen(&request.headers, https) {
        bring_along(services, before.as_deref(), &session).await.map_err(problem)?;
    }
    let client = client_name(&request.headers);
    membership.complete_sign_in(session, &client, true).await.map_err(problem)
}

/// The account page. Its query says which sessions and tokens have ended, if any have.
pub(crate) fn account_page(ended: EndedAccess) -> String {
    match ended == EndedAccess::default() {
        true => "/account".to_owned(),
        false => format!("/account?ended={}", ended.to_query()),
    }
}

fn provider(state: &ApiState) -> Result<&Provider, Failure> {
    state.provider.as_ref().ok_or_else(|| ApiError::not_found("page").into())
}

fn pending_cookie(value: &str, max_age_ms: i64, https: bool) -> String {
    cookie(if https { SECURE_NAME } else { PLAIN_NAME }, value, max_age_ms, https)
}

/// What the account page may say about an error. The log gets the cause.
fn problem(error: Error) -> SignInProblem {
    problem_of(error.public().code)
}

fn problem_of(code: ErrorCode) -> SignInProblem {
    match code {
        ErrorCode::EmailTaken => SignInProblem::Taken,
        ErrorCode::ConfirmationRequired => SignInProblem::NotConfirmed,
        ErrorCode::SignUpNotAllowed => SignInProblem::NotAllowed,
        ErrorCode::InvalidLink => SignInProblem::NotInvited,
        ErrorCode::AccountDisabled => SignInProblem::Disabled,
        ErrorCode::Unavailable | ErrorCode::Internal => SignInProblem::Away,
        _ => SignInProblem::Failed,
    }
}

fn back_with(problem: SignInProblem, https: bool) -> Response {
    see_other(&format!("/account?sign-in={}", problem.into_str()), &[pending_cookie("", 0, https)])
}

/// Redirects a browser to `address` and sets these cookies.
pub(crate) fn see_other(address: &str, cookies: &[String]) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    for (name, value) in
        cookies.iter().map(|cookie| (header::SET_COOKIE, cookie.as_str())).chain([(header::LOCATION, address)])
    {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.append(name, value);
        }
    }
    response
}
