//! Server functions for the ways into an account: sessions, identities, and the password asked again.

use axum::http::request::Parts;
use leptos::prelude::{expect_context, use_context};

use super::context::{WebCaller, caller, known_caller, say};
use crate::api::ApiState;
use crate::api::auth::credential;
use crate::error::Result;
use crate::model::ApiError;
use crate::model::wire::AccessReport;

/// The digest of the credential that identifies the caller; empty without one.
pub(super) fn own_digest() -> String {
    let headers = use_context::<Parts>().map(|parts| parts.headers).unwrap_or_default();
    credential(&headers, expect_context::<ApiState>().site.https()).unwrap_or_default()
}

/// How the person gets into the account of this browser; empty for a guest and without an account.
///
/// # Errors
/// `unavailable` or `internal` if the database fails.
pub async fn access_report() -> Result<AccessReport, ApiError> {
    let Some(caller) = known_caller().await?.filter(|caller| caller.account.email.is_some()) else {
        return Ok(AccessReport::default());
    };
    let report = report(&caller, &own_digest()).await;
    caller.answer(report)
}

async fn report(caller: &WebCaller, own: &str) -> Result<AccessReport> {
    let (membership, account) = (&caller.services.membership, &caller.account);
    Ok(AccessReport {
        has_password: membership.has_password(account).await?,
        is_confirmed: membership.is_confirmed(own).await?,
        sessions: membership.sessions(account, own).await?,
        identities: membership.identities(account).await?,
    })
}

/// Checks the password of this browser's account. The session counts as confirmed for ten minutes.
///
/// # Errors
/// `unauthenticated` without an account, and the errors of [`crate::accounts::Membership::confirm`].
pub async fn confirm_password(password: String) -> Result<(), ApiError> {
    let caller = caller().await?;
    caller.answer(caller.services.membership.confirm(&caller, password, &own_digest()).await)
}

/// Ends a session of this browser's account.
///
/// # Errors
/// `unauthenticated` without an account, and the errors of [`crate::accounts::Membership::end_session`].
pub async fn end_session(id: &str) -> Result<(), ApiError> {
    let caller = caller().await?;
    caller.answer(caller.services.membership.end_session(&caller.account, id).await)?;
    say("That browser was signed out.")
}

/// Disconnects an identity from this browser's account.
///
/// # Errors
/// `unauthenticated` without an account, and the errors of [`crate::accounts::Membership::confirm`] and
/// [`crate::accounts::Membership::disconnect`].
pub async fn disconnect(id: &str, password: String) -> Result<(), ApiError> {
    let caller = caller().await?;
    caller.answer(caller.services.membership.confirm(&caller, password, &own_digest()).await)?;
    caller.answer(caller.services.membership.disconnect(&caller.account, id).await)?;
    say("The connection was removed.")
}
