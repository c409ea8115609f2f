//! Context of pages and server functions: the caller, the use cases, and the response.

use std::ops::Deref;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum_extra::extract::CookieJar;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use leptos::prelude::{expect_context, use_context};
use leptos_axum::ResponseOptions;

use super::bring::bring_along;
use super::client::client_name;
use super::sessions::own_digest;
use super::sign_in::account_page;
use crate::accounts::{CREDENTIAL_MS, CredentialKind, NewSession, TokenWish};
use crate::api::auth::{Caller, account_of, caller_or_new, cookie, network_of, session, session_cookie};
use crate::api::error::public;
use crate::api::{ApiState, UseCases};
use crate::error::{Error, Result};
use crate::model::wire::NewToken;
use crate::model::{ApiError, EndedAccess, ErrorCode, Flash, Scopes};

/// Long enough to load the page that a form redirects to.
const FLASH_MS: i64 = 60_000;
const SECURE_FLASH_NAME: &str = "__Host-coldbrew-flash";
const PLAIN_FLASH_NAME: &str = "coldbrew-flash";

/// An identified caller, with the use cases.
pub struct WebCaller {
    pub caller: Caller,
    pub services: Arc<UseCases>,
}

impl Deref for WebCaller {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl WebCaller {
    /// Passes a success on. An error sets the HTTP status of the response. A form without script is redirected back to its page, which
    /// shows the error.
    ///
    /// # Errors
    /// The public part of the given error.
    pub fn answer<T>(&self, result: Result<T>) -> Result<T, ApiError> {
        let value = result.map_err(refuse)?;
        redirect_back();
        Ok(value)
    }
}

/// The caller of a server function that needs an account.
///
/// # Errors
/// `unauthenticated` without an account; `unavailable` or `internal` if the database fails.
pub async fn caller() -> Result<WebCaller, ApiError> {
    let message = "You are no longer signed in. Reload the page to continue.";
    known_caller().await?.ok_or_else(|| refuse(Error::refused(ErrorCode::Unauthenticated, message)))
}

/// The caller, or `None` if this browser has no account.
///
/// # Errors
/// `unavailable` or `internal` if the database fails.
pub async fn known_caller() -> Result<Option<WebCaller>, ApiError> {
    let state = expect_context::<ApiState>();
    let parts = parts()?;
    let account = account_of(&state, &parts).await.map_err(refuse)?;
    let network = network_of(&parts.extensions);
    Ok(account.map(|account| WebCaller { caller: Caller { account, network }, services: state.services.clone() }))
}

/// Makes a guest account for a browser without an account.
///
/// # Errors
/// `unavailable` or `internal` if the database fails.
pub async fn start_session() -> Result<(), ApiError> {
    if known_caller().await?.is_some() {
        return Ok(());
    }
    let state = expect_context::<ApiState>();
    let guest = state.services.identity.create_guest(CredentialKind::Session).await.map_err(refuse)?;
    set_session(&guest.secret, CREDENTIAL_MS)
}

/// Makes this browser's guest a member. A browser without an account gets a guest first. Returns how many sessions and tokens were ended.
///
/// # Errors
/// The errors of [`crate::accounts::Membership::sign_up`].
pub async fn sign_up(email: String, password: String, invitation: Option<String>) -> Result<EndedAccess, ApiError> {
    let (state, invitation) = (expect_context::<ApiState>(), invitation.as_deref());
    let membership = &state.services.membership;
    // Before an account is made.
    membership.admit_sign_up(Some(&email), invitation).await.map_err(refuse)?;
    let (caller, before) = caller_or_new(&state, &parts()?).await.map_err(refuse)?;
    let signed_up = membership.sign_up(&caller, &email, password, invitation, before.as_deref()).await;
    let session = complete(&state.services, signed_up.map_err(refuse)?).await?;
    set_session(&session.secret, session.max_age_ms)?;
    leptos_axum::redirect(&account_page(session.ended));
    Ok(session.ended)
}

/// Signs this browser in. `bring`: what the browser's guest has made moves into the account.
///
/// # Errors
/// The errors of [`crate::accounts::Membership::sign_in`] and of `AccountMerge::merge`.
pub async fn sign_in(email: String, password: String, bring: bool) -> Result<(), ApiError> {
    let services = expect_context::<ApiState>().services.clone();
    let (before, network) = (this_session()?, network_of(&parts()?.extensions));
    let signed_in = services.membership.sign_in(&email, password, before.as_deref(), network).await;
    let session = signed_in.map_err(refuse)?;
    if bring {
        bring_along(&services, before.as_deref(), &session).await.map_err(refuse)?;
    }
    let session = complete(&services, session).await?;
    set_session(&session.secret, session.max_age_ms)?;
    leptos_axum::redirect("/account");
    Ok(())
}

/// Sets the password of the account of a link, and signs this browser in to it.
///
/// # Errors
/// The errors of [`crate::accounts::Membership::set_password_by_link`].
pub async fn set_password(code: &str, password: String) -> Result<(), ApiError> {
    let services = expect_context::<ApiState>().services.clone();
    let (before, network) = (this_session()?, network_of(&parts()?.extensions));
    let set = services.membership.set_password_by_link(code, password, before.as_deref(), network).await;
    let session = complete(&services, set.map_err(refuse)?).await?;
    set_session(&session.secret, session.max_age_ms)?;
    say("Your password is set. You are signed in.")?;
    leptos_axum::redirect(&account_page(session.ended));
    Ok(())
}

/// Changes the password of this browser's account, and gives this browser a new session.
///
/// # Errors
/// `unauthenticated` without an account, and the errors of [`crate::accounts::Membership::change_password`].
pub async fn change_password(current: String, new: String) -> Result<(), ApiError> {
    let (caller, before) = (caller().await?, this_session()?);
    let membership = &caller.services.membership;
    let session = caller.answer(membership.change_password(&caller, current, new, before.as_deref()).await)?;
    let session = complete(&caller.services, session).await?;
    set_session(&session.secret, session.max_age_ms)?;
    say("Your password was changed. You are signed out everywhere else, and your API tokens have ended.")?;
    leptos_axum::redirect(&format!("/account?ended={}", session.ended.to_query()));
    Ok(())
}

/// Completes a sign-in with a password: the session gets its absolute end and the name of this browser.
async fn complete(services: &UseCases, session: NewSession) -> Result<NewSession, ApiError> {
    let client = client_name(&parts()?.headers);
    services.membership.complete_sign_in(session, &client, false).await.map_err(refuse)
}

/// Makes an API token for the account of this browser, if the password is right.
///
/// # Errors
/// `unauthenticated` without an account, and the errors of [`crate::accounts::Membership::confirm`] and
/// [`crate::accounts::Membership::create_token`].
pub async fn create_token(name: String, scopes: Scopes, days: u32, password: String) -> Result<NewToken, ApiError> {
    let (caller, own) = (caller().await?, own_digest());
    let wish = TokenWish { name, scopes, days };
    let membership = &caller.services.membership;
    caller.answer(membership.confirm(&caller, password, &own).await)?;
    let token = caller.answer(membership.create_token(&caller.account, &wish, &own).await)?;
    flash(&Flash::Token(token.clone()))?;
    Ok(token)
}

/// Signs out this browser, or all browsers of the account.
///
/// # Errors
/// `unavailable` or `internal` if the database fails.
pub async fn sign_out(everywhere: bool) -> Result<(), ApiError> {
    let services = expect_context::<ApiState>().services.clone();
    if let Some(secret) = this_session()? {
        if let (true, Some(caller)) = (everywhere, known_caller().await?) {
            services.membership.sign_out_everywhere(&caller.account).await.map_err(refuse)?;
        }
        services.membership.sign_out(&secret).await.map_err(refuse)?;
    }
    set_session("", 0)?;
    leptos_axum::redirect("/account");
    Ok(())
}

/// Deletes the account of this browser if its id is `id` and the password is right, and removes the session cookie.
///
/// # Errors
/// `unauthenticated` if this browser now has another account or none; the errors of [`crate::accounts::Membership::confirm`];
/// `unavailable` or `internal` if the database fails.
pub async fn delete_account(id: &str, password: String) -> Result<(), ApiError> {
    let caller = caller().await?;
    if caller.account.id != id {
        let message = "Another account is signed in here now. Nothing was deleted. Reload the page.";
        return Err(refuse(Error::refused(ErrorCode::Unauthenticated, message)));
    }
    caller.answer(caller.services.membership.confirm(&caller, password, &own_digest()).await)?;
    caller.services.deletion.delete(&caller.account.id).await.map_err(refuse)?;
    set_session("", 0)?;
    leptos_axum::redirect("/account");
    Ok(())
}

/// Makes the page show a message once after a form without script. Callers with script get the result in the response instead.
///
/// # Errors
/// `internal` if the message cannot be encoded as a cookie.
pub fn say(message: &str) -> Result<(), ApiError> {
    flash(&Flash::Done(message.to_owned()))
}

/// The message that this page must show once. Its cookie is removed.
pub fn take_flash(headers: &HeaderMap) -> Option<Flash> {
    let https = expect_context::<ApiState>().site.https();
    let cookies = CookieJar::from_headers(headers);
    let value = URL_SAFE_NO_PAD.decode(cookies.get(flash_name(https))?.value()).ok();
    append_cookie(&cookie(flash_name(https), "", 0, https)).ok()?;
    serde_json::from_slice(&value?).ok()
}

/// Redirects a form back to its page, which shows this message. The message travels in a cookie, because anyone can write a URL.
pub(super) fn flash(flash: &Flash) -> Result<(), ApiError> {
    if redirect_back() {
        let json = serde_json::to_vec(flash).map_err(internal)?;
        let https = expect_context::<ApiState>().site.https();
        append_cookie(&cookie(flash_name(https), &URL_SAFE_NO_PAD.encode(json), FLASH_MS, https))?;
    }
    Ok(())
}

/// Redirects a form to an anchor of the page that sent it.
pub fn return_to(anchor: &str) {
    if let Some(page) = sender() {
        leptos_axum::redirect(&format!("{page}#{anchor}"));
    }
}

/// Redirects a form to the page that sent it. A later redirect replaces this one. Returns `false` if no form was sent.
fn redirect_back() -> bool {
    let Some(page) = sender() else { return false };
    leptos_axum::redirect(&page);
    true
}

/// The address of the page that sent this form; `None` if no form was sent.
fn sender() -> Option<String> {
    let parts = use_context::<Parts>().filter(is_form)?;
    let referer = parts.headers.get(header::REFERER).and_then(|referer| referer.to_str().ok());
    Some(referer.unwrap_or("/").to_owned())
}

fn flash_name(https: bool) -> &'static str {
    if https { SECURE_FLASH_NAME } else { PLAIN_FLASH_NAME }
}

/// Whether a form without script was sent: its sender accepts HTML and follows a redirect.
fn is_form(parts: &Parts) -> bool {
    let accept = parts.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    parts.method == Method::POST && accept.is_some_and(|accept| accept.contains("text/html"))
}

fn set_session(secret: &str, max_age_ms: i64) -> Result<(), ApiError> {
    append_cookie(&session_cookie(secret, max_age_ms, expect_context::<ApiState>().site.https()))
}

fn append_cookie(cookie: &str) -> Result<(), ApiError> {
    let cookie = HeaderValue::from_str(cookie).map_err(internal)?;
    expect_context::<ResponseOptions>().append_header(header::SET_COOKIE, cookie);
    Ok(())
}

/// The response for an internal error. It does not redirect a form back, because that may be what failed.
fn internal(error: impl std::error::Error + Send + Sync + 'static) -> ApiError {
    let error = public(Error::internal(error));
    set_status(error.code.http_status());
    error
}

fn this_session() -> Result<Option<String>, ApiError> {
    Ok(session(&parts()?.headers, expect_context::<ApiState>().site.https()))
}

fn parts() -> Result<Parts, ApiError> {
    use_context::<Parts>().ok_or_else(|| refuse(Error::internal("the context has no request")))
}

pub(super) fn refuse(error: Error) -> ApiError {
    let error = public(error);
    if redirect_back() {
        return flash(&Flash::Failed(error.clone())).err().unwrap_or(error);
    }
    set_status(error.code.http_status());
    if let (Some(seconds), Some(response)) = (error.retry_after_s(), use_context::<ResponseOptions>()) {
        response.insert_header(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    error
}

/// Sets the status of the current response.
pub fn set_status(status: u16) {
    if let (Some(response), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(status)) {
        response.set_status(status);
    }
}

/// Makes the current response a redirect to `address`.
pub fn redirect(address: &str) {
    if let (Some(response), Ok(address)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(address)) {
        response.insert_header(header::LOCATION, address);
        response.set_status(StatusCode::FOUND);
    }
}
