//! What server functions and pages are given: who is calling, the use cases, and how to answer.

use std::ops::Deref;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use leptos::prelude::{expect_context, use_context};
use leptos_axum::ResponseOptions;

use crate::accounts::CREDENTIAL_MS;
use crate::accounts::CredentialKind;
use crate::api::ApiState;
use crate::api::UseCases;
use crate::api::auth::{Caller, account_of, caller_or_guest, credential, network_of, session, session_cookie};
use crate::api::error::told;
use crate::error::{Error, Result};
use crate::model::wire::NewToken;
use crate::model::{ApiError, EndedAccess, ErrorCode};

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
    /// Passes a result on, with its own HTTP status where it is an error.
    pub fn answer<T>(&self, result: Result<T>) -> Result<T, ApiError> {
        result.map_err(refuse)
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
    Ok(session.ended)
}

/// Signs this browser in.
pub async fn sign_in(email: String, password: String) -> Result<(), ApiError> {
    let services = expect_context::<ApiState>().services.clone();
    let (before, network) = (this_session()?, network_of(&parts()?.extensions));
    let signed_in = services.membership.sign_in(&email, password, before.as_deref(), network).await;
    let session = signed_in.map_err(refuse)?;
    set_session(&session.secret, session.max_age_ms)
}

/// Makes an API token for the account of this browser.
pub async fn create_token(name: &str) -> Result<NewToken, ApiError> {
    let caller = caller().await?;
    let own = credential(&parts()?.headers, expect_context::<ApiState>().site.https());
    let made = caller.services.membership.create_token(&caller.account, name, &own.unwrap_or_default()).await;
    caller.answer(made)
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
    set_session("", 0)
}

/// Deletes the account of this browser, if it is that one, and forgets its session.
pub async fn delete_account(id: &str) -> Result<(), ApiError> {
    let caller = caller().await?;
    if caller.account.id != id {
        let words = "Somebody else is signed in here by now. Reload the page; nothing was deleted.";
        return Err(refuse(Error::refused(ErrorCode::Unauthenticated, words)));
    }
    caller.services.deletion.delete(&caller.account.id).await.map_err(refuse)?;
    set_session("", 0)
}

fn set_session(secret: &str, max_age_ms: i64) -> Result<(), ApiError> {
    let cookie = session_cookie(secret, max_age_ms, expect_context::<ApiState>().site.https());
    let cookie = HeaderValue::from_str(&cookie).map_err(|error| refuse(Error::internal(error)))?;
    expect_context::<ResponseOptions>().append_header(header::SET_COOKIE, cookie);
    Ok(())
}

fn this_session() -> Result<Option<String>, ApiError> {
    Ok(session(&parts()?.headers, expect_context::<ApiState>().site.https()))
}

fn parts() -> Result<Parts, ApiError> {
    use_context::<Parts>().ok_or_else(|| refuse(Error::internal("there is no request")))
}

fn refuse(error: Error) -> ApiError {
    let error = told(error);
    set_status(error.code.http_status());
    if let (Some(seconds), Some(response)) = (error.retry_after_s(), use_context::<ResponseOptions>()) {
        response.insert_header(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    error
}

/// Sets the status of the answer under way, be it a page's or a call's.
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
