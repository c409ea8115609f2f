//! Another password, by a plain form of the account page: it needs no script, and the browser's library nothing for it.

use axum::Form;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use serde::Deserialize;

use super::sign_in::leave_for;
use crate::accounts::NewSession;
use crate::api::ApiState;
use crate::api::auth::{Caller, account_of, network_of, session, session_cookie};
use crate::api::error::Failure;
use crate::error::Error;
use crate::model::{ErrorCode, PasswordChange};

/// What the form sends.
#[derive(Deserialize)]
pub struct Change {
    current: String,
    new: String,
}

/// `POST /account/password`: back to the account page, where what came of it is said. This browser gets a new session.
pub async fn change(
    State(state): State<ApiState>,
    parts: Parts,
    WithRejection(Form(Change { current, new }), _): WithRejection<Form<Change>, Failure>,
) -> Result<Response, Failure> {
    // A caller who is no longer signed in finds out there.
    let Some(account) = account_of(&state, &parts).await? else { return Ok(leave_for("/account", &[])) };
    let (https, network) = (state.site.https(), network_of(&parts.extensions));
    let (caller, before) = (Caller { account, network }, session(&parts.headers, https));
    let changed = state.services.membership.change_password(&caller, current, new, before.as_deref()).await;
    Ok(match changed {
        Ok(NewSession { secret, max_age_ms, ended }) => {
            let address = format!("/account?password={}&ended={}", PasswordChange::Changed.name(), ended.to_query());
            leave_for(&address, &[session_cookie(&secret, max_age_ms, https)])
        }
        Err(error) => leave_for(&format!("/account?password={}", problem(error).name()), &[]),
    })
}

/// The public half of an error, for which the log has the other.
fn problem(error: Error) -> PasswordChange {
    match error.public().code {
        ErrorCode::Unauthenticated => PasswordChange::Wrong,
        ErrorCode::InvalidSignUp => PasswordChange::Weak,
        ErrorCode::TooManyRequests => PasswordChange::TooMany,
        _ => PasswordChange::Away,
    }
}
