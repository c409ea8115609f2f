//! What a page has to know of who may come in, and of the link that led to it.

use leptos::prelude::expect_context;

use super::context::{known_caller, refuse};
use crate::api::ApiState;
use crate::model::{AccessView, ApiError};

/// How this browser and this server stand to each other.
///
/// # Errors
/// `account_disabled`; `unavailable` or `internal` if the database fails.
pub async fn access_view() -> Result<AccessView, ApiError> {
    let services = expect_context::<ApiState>().services.clone();
    let (caller, policy) = (known_caller().await?, &services.membership.access);
    let account = caller.as_ref().map(|caller| &caller.caller.account);
    let is_member = account.is_some_and(|account| account.email.is_some());
    let is_operator = match account.filter(|_| is_member) {
        Some(account) => services.operators.records.is_operator(&account.id).await.map_err(refuse)?,
        None => false,
    };
    let lacks_operator =
        policy.needs_operator && !is_operator && !services.operators.has_operator().await.map_err(refuse)?;
    Ok(AccessView {
        known: account.is_some(),
        is_member,
        is_operator,
        guests: policy.guests,
        sign_up: policy.sign_up,
        domains: policy.domains.to_vec(),
        lacks_operator,
    })
}

/// The e-mail address of the account whose password a link sets.
///
/// # Errors
/// `invalid_link`; `unavailable` or `internal` if the database fails.
pub async fn address_of_link(code: &str) -> Result<String, ApiError> {
    expect_context::<ApiState>().services.membership.address_of_link(code).await.map_err(refuse)
}

/// Checks that an invitation can be used.
///
/// # Errors
/// `invalid_link`; `unavailable` or `internal` if the database fails.
pub async fn is_invitation(code: &str) -> Result<bool, ApiError> {
    let invitation = expect_context::<ApiState>().services.membership.invitation(Some(code)).await;
    Ok(invitation.map_err(refuse)?.is_some())
}
