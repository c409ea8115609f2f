//! REST routes for accounts and tokens.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApiState;
use super::auth::{Caller, credential, unauthenticated};
use super::error::{Body, Failure, PathParams};
use crate::accounts::{CredentialKind, TokenWish};
use crate::model::Scopes;
use crate::model::wire::{ErrorBody, Me, NewToken, TokenSummary, UsageReport};

/// A new guest account and its token.
#[derive(Serialize, ToSchema)]
pub(crate) struct Guest {
    user_id: String,
    token: String,
}

/// Make a guest account with a bearer token.
#[utoipa::path(post, path = "/v1/users/guest", tag = "users", security(()),
    responses(
        (status = 201, description = "The account. Its token is shown only here.", body = Guest),
        (status = 403, description = "This server takes no guests.", body = ErrorBody)))]
pub(crate) async fn create_guest(State(state): State<ApiState>) -> Result<(StatusCode, Json<Guest>), Failure> {
    let guest = state.services.identity.create_guest(CredentialKind::Token).await?;
    Ok((StatusCode::CREATED, Json(Guest { user_id: guest.account.id, token: guest.secret })))
}

/// Get the account's quota use and its receipts.
#[utoipa::path(get, path = "/v1/users/me/usage", tag = "users",
    responses((status = 200, description = "Used, reserved and remaining tokens, with one receipt for each job.", body = UsageReport)))]
pub(crate) async fn usage(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
) -> Result<Json<UsageReport>, Failure> {
    Ok(Json(state.services.quota.usage(&account).await?))
}

/// Get the account of the caller.
#[utoipa::path(get, path = "/v1/users/me", tag = "users",
    responses((status = 200, description = "The account of the token or session.", body = Me)))]
pub(crate) async fn me(Caller { account, .. }: Caller) -> Json<Me> {
    Json(Me { user_id: account.id, email: account.email })
}

/// Delete the account with all its documents and files, permanently. The ledger keeps the account's charges without its name.
#[utoipa::path(delete, path = "/v1/users/me", tag = "users",
    responses(
        (status = 204, description = "The account is deleted, with all its tokens and sessions."),
        (status = 403, description = "A member needs a token with the scope `account`.", body = ErrorBody)))]
pub(crate) async fn delete_me(
    State(state): State<ApiState>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let own = credential(&headers, state.site.https()).ok_or_else(unauthenticated)?;
    state.services.membership.confirm_by_token(&caller, &own).await?;
    state.services.deletion.delete(&caller.account.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The account's tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenList {
    tokens: Vec<TokenSummary>,
}

/// List the account's tokens, newest first, without their secrets.
#[utoipa::path(get, path = "/v1/users/me/tokens", tag = "users",
    responses((status = 200, description = "The tokens that have not expired.", body = TokenList)))]
pub(crate) async fn tokens(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
) -> Result<Json<TokenList>, Failure> {
    Ok(Json(TokenList { tokens: state.services.membership.tokens(&account).await? }))
}

/// What a new token is called, what it may do, and how long.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRequest {
    name: String,
    /// `read`, `submit` and `account`. Default: all that the caller may do.
    scopes: Option<Scopes>,
    /// 7, 30, 90 or 365.
    #[serde(default = "a_year")]
    expires_in_days: u32,
}

fn a_year() -> u32 {
    365
}

/// Make a token. It is valid until it expires or is revoked. A token cannot make one that may do more than itself.
#[utoipa::path(post, path = "/v1/users/me/tokens", tag = "users", request_body = TokenRequest,
    responses(
        (status = 201, description = "The token. It is shown only here.", body = NewToken),
        (status = 403, description = "A member needs a token with the scope `account`.", body = ErrorBody),
        (status = 409, description = "The account has the maximum number of tokens.", body = ErrorBody)))]
pub(crate) async fn create_token(
    State(state): State<ApiState>,
    caller: Caller,
    headers: HeaderMap,
    Body(TokenRequest { name, scopes, expires_in_days }): Body<TokenRequest>,
) -> Result<(StatusCode, Json<NewToken>), Failure> {
    let own = credential(&headers, state.site.https()).ok_or_else(unauthenticated)?;
    let membership = &state.services.membership;
    membership.confirm_by_token(&caller, &own).await?;
    let scopes = match scopes {
        Some(scopes) => scopes,
        None => membership.scopes_of(&own).await?,
    };
    let wish = TokenWish { name, scopes, days: expires_in_days };
    let token = membership.create_token(&caller.account, &wish, &own).await?;
    Ok((StatusCode::CREATED, Json(token)))
}

/// Revoke a token.
#[utoipa::path(delete, path = "/v1/users/me/tokens/{id}", tag = "users",
    params(("id" = String, Path, description = "The id from the list of tokens.")),
    responses((status = 204, description = "The token is revoked.")))]
pub(crate) async fn revoke_token(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
    PathParams(id): PathParams<String>,
) -> Result<StatusCode, Failure> {
    state.services.membership.revoke_token(&account, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
