//! Signing up and in by the plain forms of the account page, as a browser without the library sends them. What is wrong is said on that page.

use axum::Form;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use serde::Deserialize;

use super::sign_in::{account_page, leave_for, problem_of};
use crate::accounts::NewSession;
use crate::api::ApiState;
use crate::api::auth::{caller_or_guest, network_of, session, session_cookie};
use crate::api::error::Failure;
use crate::error::Result;
use crate::model::{ErrorCode, SignInProblem};

/// What both forms send.
#[derive(Deserialize)]
pub struct Login {
    email: String,
    password: String,
}

type LoginForm = WithRejection<Form<Login>, Failure>;

/// `POST /account/sign-up`: makes this browser's guest a member.
pub async fn sign_up(
    State(state): State<ApiState>,
    parts: Parts,
    WithRejection(Form(Login { email, password }), _): LoginForm,
) -> Response {
    let session = async {
        let (caller, before) = caller_or_guest(&state, &parts).await?;
        state.services.membership.sign_up(&caller, &email, password, before.as_deref()).await
    };
    enter(&state, session.await)
}

/// `POST /account/sign-in`: signs this browser in.
pub async fn sign_in(
    State(state): State<ApiState>,
    parts: Parts,
    WithRejection(Form(Login { email, password }), _): LoginForm,
) -> Response {
    let before = session(&parts.headers, state.site.https());
    let network = network_of(&parts.extensions);
    enter(&state, state.services.membership.sign_in(&email, password, before.as_deref(), network).await)
}

fn enter(state: &ApiState, session: Result<NewSession>) -> Response {
    match session {
        Ok(session) => {
            let cookie = session_cookie(&session.secret, session.max_age_ms, state.site.https());
            leave_for(&account_page(session.ended), &[cookie])
        }
        Err(error) => {
            let problem = match error.public().code {
                ErrorCode::InvalidSignUp => SignInProblem::Invalid,
                ErrorCode::Unauthenticated => SignInProblem::Wrong,
                ErrorCode::TooManyRequests => SignInProblem::TooMany,
                code => problem_of(code),
            };
            leave_for(&format!("/account?sign-in={}", problem.name()), &[])
        }
    }
}
