//! HTTP for the web app: what pages and server functions need from the request that they answer.
//!
//! [`caller`] identifies the caller. [`WebCaller::answer`] turns a result into the response of a call or a form. Session and flash cookies
//! are set here. `operator` identifies operators. `sign_in` has the routes of the sign-in provider.
//!
//! This module renders no page and decides no permission. Pages and server functions are in [`crate::app`], the REST API in [`crate::api`].

mod access;
mod bring;
mod client;
mod context;
mod operator;
mod sessions;
mod sign_in;

use axum::Router;
use axum::routing::get;

use crate::api::ApiState;

pub use access::{access_view, address_of_link, is_invitation};
pub use context::{
    WebCaller, caller, change_password, create_token, delete_account, known_caller, redirect, return_to, say,
    set_password, set_status, sign_in, sign_out, sign_up, start_session, take_flash,
};
pub use sessions::{access_report, confirm_password, disconnect, end_session};

pub use operator::{OperatorCaller, invitation_of, operator, quota_of};

/// Adds the routes of a sign-in with the provider.
pub fn routes(rest: Router<ApiState>) -> Router<ApiState> {
    rest.route("/sign-in/provider", get(sign_in::begin)).route("/sign-in/provider/callback", get(sign_in::finish))
}
