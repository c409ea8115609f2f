//! HTTP: the REST API under `/v1`, the web app's pages and server functions, and what every request passes through.
//!
//! Handlers translate; what they call is in [`crate::services`]. An error becomes an answer in [`error`] and nowhere else, and who
//! is calling is decided in [`auth`] and nowhere else.

mod auth;
mod documents;
mod error;
mod events;
mod guard;
mod health;
mod images;
mod pages;
mod state;
mod upload;
mod users;
pub mod web;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;

pub use state::{ApiState, Readiness, SiteState};

/// A JSON body is a few numbers and names; only uploads are larger.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The whole of the server's HTTP.
pub fn router(state: ApiState) -> Router {
    let upload = post(upload::prepare).layer(DefaultBodyLimit::disable());
    let rest = Router::new()
        .route("/v1/users/guest", post(users::create_guest))
        .route("/v1/users/me/usage", get(users::usage))
        .route("/v1/documents/supported-formats", get(documents::formats))
        .route("/v1/documents/prepare/upload", upload)
        .route("/v1/documents/document", post(documents::submit))
        .route("/v1/documents/batch/{content_hash}/status", get(documents::batch_status))
        .route("/v1/documents/extraction/{extraction_id}", get(documents::extraction_status))
        .route("/v1/events", get(events::events))
        .route("/v1/documents", get(documents::list))
        .route("/v1/documents/{id}/retry", post(documents::retry))
        .route("/v1/documents/{id}", get(documents::get).delete(documents::delete))
        .route("/v1/images/{content_hash}/{name}", get(images::figure))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready));
    // From the outside in: a request is named, then logged, then guarded, and only then looked at.
    pages::routes(rest, &state)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(state.clone(), guard::same_site))
        .layer(from_fn(guard::headers))
        .layer(TraceLayer::new_for_http().make_span_with(error::span))
        .layer(from_fn(error::name_request))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .with_state(state)
}
