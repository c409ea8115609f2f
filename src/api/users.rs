//! Accounts over REST.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::ApiState;
use super::auth::Caller;
use super::error::Failure;
use crate::model::wire::UsageReport;
use crate::store::CredentialKind;

/// A fresh guest account and the token that opens it.
#[derive(Serialize)]
pub struct Guest {
    user_id: String,
    token: String,
}

/// `POST /v1/users/guest`
pub async fn create_guest(State(state): State<ApiState>) -> Result<(StatusCode, Json<Guest>), Failure> {
    let guest = state.services.identity.create_guest(CredentialKind::Token).await?;
    Ok((StatusCode::CREATED, Json(Guest { user_id: guest.account.id, token: guest.secret })))
}

/// `GET /v1/users/me/usage`
pub async fn usage(State(state): State<ApiState>, Caller(account): Caller) -> Result<Json<UsageReport>, Failure> {
    Ok(Json(state.services.usage(&account).await?))
}
