//! The web app's side of HTTP: the plain forms of the account page, the way to the sign-in provider and back, and what pages and server
//! functions are given of the request that they answer. The pages themselves are in [`crate::app`], the REST API in [`crate::api`].

mod context;
mod entry;
mod password;
mod sign_in;

use axum::Router;
use axum::routing::{get, post};

use crate::api::ApiState;

pub use context::{
    WebCaller, caller, create_token, delete_account, known_caller, redirect, set_status, sign_in, sign_out, sign_up,
    start_session,
};

/// Adds what a browser without script sends, and where a provider sends it back to.
pub fn routes(rest: Router<ApiState>) -> Router<ApiState> {
    rest.route("/account/password", post(password::change))
        .route("/account/sign-in", post(entry::sign_in))
        .route("/account/sign-up", post(entry::sign_up))
        .route("/sign-in/provider", get(sign_in::begin))
        .route("/sign-in/provider/callback", get(sign_in::finish))
}
