//! What server functions and pages are given: who is calling, the use cases, and how to answer.

use std::ops::Deref;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum_extra::extract::CookieJar;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use leptos::prelude::{expect_context, use_context};
use leptos_axum::ResponseOptions;

use super::sign_in::account_page;
use crate::accounts::{CREDENTIAL_MS, CredentialKind};
use crate::api::auth::{Caller, account_of, caller_or_guest, cookie, credential, network_of, session, session_cookie};
use crate::api::error::told;
use crate::api::{ApiState, UseCases};
use crate::error::{Error, Result};
use crate::model::wire::NewToken;
use crate::model::{ApiError, EndedAccess, ErrorCode, Flash};

/// Long enough for the page that a form is redirected to.
const FLASH_MS: i64 = 60_000;
const SECURE_FLASH_NAME: &str = "__Host-coldbrew-flash";
const PLAIN_FLASH_NAME: &str = "coldbrew-flash";

/// Who called, and what they may call.
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
    /// Passes a result on. An error gets its own HTTP status; a form is led back to its page, which says it.
    pub fn answer<T>(&self, result: Result<T>) -> Result<T, ApiError> {
        let value = result.map_err(refuse)?;
        lead_back();
        Ok(value)
    }
}

/// The caller; without an account there is nothing to be found.
pub async fn caller() -> Result<WebCaller, ApiError> {
    let words = "You are no longer signed in here. Reload the page, and go on.";
    known_caller().await?.ok_or_else(|| refuse(Error::refused(ErrorCode::Unauthenticated, words)))
}

/// The caller, if this browser has an account.
pub async fn known_caller() -> Result<Option<WebCaller>, ApiError> {
    let state = expect_context::<ApiState>();
    let parts = parts()?;
    let account = account_of(&state, &parts).await.map_err(refuse)?;
    let network = network_of(&parts.extensions);
    Ok(account.map(|account| WebCaller { caller: Caller { account, network }, services: state.services.clone() }))
}

/// Gives a browser without an account a guest's.
pub async fn start_session() -> Result<(), ApiError> {
    if known_caller().await?.is_some() {
        return Ok(());
    }
    let state = expect_context::<ApiState>();
    let guest = state.services.identity.create_guest(CredentialKind::Session).await.map_err(refuse)?;
    set_session(&guest.secret, CREDENTIAL_MS)
}

/// Makes this browser's guest a member. A browser without an account gets one first. Returns which access to the guest has ended.
pub async fn sign_up(email: String, password: String) -> Result<EndedAccess, ApiError> {
    let state = expect_context::<ApiState>();
    let (caller, before) = caller_or_guest(&state, &parts()?).await.map_err(refuse)?;
    let signed_up = state.services.membership.sign_up(&caller, &email, password, before.as_deref()).await;
    let session = signed_up.map_err(refuse)?;
    set_session(&session.secret, session.max_age_ms)?;
    leptos_axum::redirect(&account_page(session.ended));
    Ok(session.ended)
}

/// Signs this browser in.
pub async fn sign_in(email: String, password: String) -> Result<(), ApiError> {
    let services = expect_context::<ApiState>().services.clone();
    let (before, network) = (this_session()?, network_of(&parts()?.extensions));
    let signed_in = services.membership.sign_in(&email, password, before.as_deref(), network).await;
    let session = signed_in.map_err(refuse)?;
    set_session(&session.secret, session.max_age_ms)?;
    leptos_axum::redirect("/account");
    Ok(())
}

/// Gives the account of this browser another password, and this browser a new session.
pub async fn change_password(current: String, new: String) -> Result<(), ApiError> {
    let (caller, before) = (caller().await?, this_session()?);
    let membership = &caller.services.membership;
    let session = caller.answer(membership.change_password(&caller, current, new, before.as_deref()).await)?;
    set_session(&session.secret, session.max_age_ms)?;
    say("Your password is changed. You are signed out everywhere else, and your API tokens have ended.")?;
    leptos_axum::redirect(&format!("/account?ended={}", session.ended.to_query()));
    Ok(())
}

/// Makes an API token for the account of this browser.
pub async fn create_token(name: &str) -> Result<NewToken, ApiError> {
    let caller = caller().await?;
    let own = credential(&parts()?.headers, expect_context::<ApiState>().site.https());
    let made = caller.services.membership.create_token(&caller.account, name, &own.unwrap_or_default()).await;
    let token = caller.answer(made)?;
    flash(&Flash::Token(token.clone()))?;
    Ok(token)
}

/// Signs this browser out, or every browser of the account.
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

/// Deletes the account of this browser, if it is that one, and forgets its session.
pub async fn delete_account(id: &str) -> Result<(), ApiError> {
    let caller = caller().await?;
    if caller.account.id != id {
        let words = "Somebody else is signed in here by now. Reload the page; nothing was deleted.";
        return Err(refuse(Error::refused(ErrorCode::Unauthenticated, words)));
    }
    caller.services.deletion.delete(&caller.account.id).await.map_err(refuse)?;
    set_session("", 0)?;
    leptos_axum::redirect("/account");
    Ok(())
}

/// Has the page say, once, that what a form asked for is done. Other callers know it by the answer.
pub fn say(words: &str) -> Result<(), ApiError> {
    flash(&Flash::Done(words.to_owned()))
}

/// What the page under way is to say once. It is forgotten by that.
pub fn take_flash(headers: &HeaderMap) -> Option<Flash> {
    let https = expect_context::<ApiState>().site.https();
    let cookies = CookieJar::from_headers(headers);
    let kept = URL_SAFE_NO_PAD.decode(cookies.get(flash_name(https))?.value()).ok();
    append_cookie(&cookie(flash_name(https), "", 0, https)).ok()?;
    serde_json::from_slice(&kept?).ok()
}

/// Leads a form back to its page, which shows this. A cookie keeps it, not the address: anyone can write an address.
fn flash(flash: &Flash) -> Result<(), ApiError> {
    if lead_back() {
        let json = serde_json::to_vec(flash).map_err(internal)?;
        let https = expect_context::<ApiState>().site.https();
        append_cookie(&cookie(flash_name(https), &URL_SAFE_NO_PAD.encode(json), FLASH_MS, https))?;
    }
    Ok(())
}

/// Leads a form back to the page that it was sent from, unless it is led elsewhere later. `false`: no form calls.
fn lead_back() -> bool {
    let Some(parts) = use_context::<Parts>().filter(is_form) else { return false };
    let referer = parts.headers.get(header::REFERER).and_then(|referer| referer.to_str().ok());
    leptos_axum::redirect(referer.unwrap_or("/"));
    true
}

fn flash_name(https: bool) -> &'static str {
    if https { SECURE_FLASH_NAME } else { PLAIN_FLASH_NAME }
}

/// Whether a form calls a server function: its sender follows a redirect to a page.
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

/// The answer to a fault of ours. It leads no form back, since leading it back may be what failed.
fn internal(error: impl std::error::Error + Send + Sync + 'static) -> ApiError {
    let error = told(Error::internal(error));
    set_status(error.code.http_status());
    error
}

fn this_session() -> Result<Option<String>, ApiError> {
    Ok(session(&parts()?.headers, expect_context::<ApiState>().site.https()))
}

fn parts() -> Result<Parts, ApiError> {
    use_context::<Parts>().ok_or_else(|| refuse(Error::internal("there is no request")))
}

fn refuse(error: Error) -> ApiError {
    let error = told(error);
    if lead_back() {
        return flash(&Flash::Failed(error.clone())).err().unwrap_or(error);
    }
    set_status(error.code.http_status());
    if let (Some(seconds), Some(response)) = (error.retry_after_s(), use_context::<ResponseOptions>()) {
        response.insert_header(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    error
}

/// Sets the status of the answer under way, a page's or a call's.
pub fn set_status(status: u16) {
    if let (Some(response), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(status)) {
        response.set_status(status);
    }
}

/// Makes the page under way lead to another address, whoever asks for it.
pub fn redirect(address: &str) {
    if let (Some(response), Ok(address)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(address)) {
        response.insert_header(header::LOCATION, address);
        response.set_status(StatusCode::FOUND);
    }
}
