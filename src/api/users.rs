//! Accounts over REST.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApiState;
use super::auth::{Caller, credential, unauthenticated};
use super::error::{Body, Failure, Named};
use crate::accounts::CredentialKind;
use crate::model::wire::{ErrorBody, Me, NewToken, TokenSummary, UsageReport};

/// A fresh guest account and the token that opens it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Guest {
    user_id: String,
    token: String,
}

/// Make a guest account, with a bearer token for it.
#[utoipa::path(post, path = "/v1/users/guest", tag = "users", security(()),
    responses((status = 201, description = "The account. Its token is shown this once.", body = Guest)))]
pub(crate) async fn create_guest(State(state): State<ApiState>) -> Result<(StatusCode, Json<Guest>), Failure> {
    let guest = state.services.identity.create_guest(CredentialKind::Token).await?;
    Ok((StatusCode::CREATED, Json(Guest { user_id: guest.account.id, token: guest.secret })))
}

/// What the account used, what is reserved and left, and a receipt per job.
#[utoipa::path(get, path = "/v1/users/me/usage", tag = "users",
    responses((status = 200, description = "Sums of the ledger.", body = UsageReport)))]
pub(crate) async fn usage(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
) -> Result<Json<UsageReport>, Failure> {
    Ok(Json(state.services.quota.usage(&account).await?))
}

/// Who is asking.
#[utoipa::path(get, path = "/v1/users/me", tag = "users",
    responses((status = 200, description = "The account that the token or the session belongs to.", body = Me)))]
pub(crate) async fn me(Caller { account, .. }: Caller) -> Json<Me> {
    Json(Me { user_id: account.id, email: account.email })
}

/// Delete the account with all its documents and files, for good. Only sums of the ledger stay, under no name.
#[utoipa::path(delete, path = "/v1/users/me", tag = "users",
    responses((status = 204, description = "It is gone, and every token and session with it.")))]
pub(crate) async fn delete_me(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
) -> Result<StatusCode, Failure> {
    state.services.deletion.delete(&account.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The account's tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenList {
    tokens: Vec<TokenSummary>,
}

/// The account's tokens, newest first, without their secrets.
#[utoipa::path(get, path = "/v1/users/me/tokens", tag = "users",
    responses((status = 200, description = "The tokens that have not expired.", body = TokenList)))]
pub(crate) async fn tokens(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
) -> Result<Json<TokenList>, Failure> {
    Ok(Json(TokenList { tokens: state.services.membership.tokens(&account).await? }))
}

/// What a new token is to be called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenName {
    name: String,
}

/// Make a token. It is good for a year, or until it is revoked.
#[utoipa::path(post, path = "/v1/users/me/tokens", tag = "users", request_body = TokenName,
    responses(
        (status = 201, description = "The token. It is shown this once.", body = NewToken),
        (status = 409, description = "The account has as many tokens as it may.", body = ErrorBody)))]
pub(crate) async fn create_token(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
    headers: HeaderMap,
    Body(TokenName { name }): Body<TokenName>,
) -> Result<(StatusCode, Json<NewToken>), Failure> {
    let own = credential(&headers, state.site.https()).ok_or_else(unauthenticated)?;
    let token = state.services.membership.create_token(&account, &name, &own).await?;
    Ok((StatusCode::CREATED, Json(token)))
}

/// Revoke a token.
#[utoipa::path(delete, path = "/v1/users/me/tokens/{id}", tag = "users",
    params(("id" = String, Path, description = "Of the list of tokens.")),
    responses((status = 204, description = "It opens nothing any more.")))]
pub(crate) async fn revoke_token(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
    Named(id): Named<String>,
) -> Result<StatusCode, Failure> {
    state.services.membership.revoke_token(&account, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
