//! HTTP: the REST API under `/v1`, the web app's pages and server functions, and what every request passes through.
//!
//! Handlers translate; what they call is in [`crate::services`]. An error becomes an answer in [`error`] and nowhere else, and who
//! is calling is decided in [`auth`] and nowhere else.

mod auth;
mod body;
mod cached;
mod client_address;
mod documents;
mod error;
mod events;
mod examination;
mod guard;
mod health;
mod host;
mod images;
mod limit;
mod metrics;
mod openapi;
mod pages;
mod reference;
mod sign_in;
mod state;
mod streams;
mod upload;
mod users;
pub mod web;

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower::ServiceBuilder;
use tower_http::ServiceBuilderExt;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::RequestBodyTimeoutLayer;
use tower_http::trace::TraceLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use client_address::Proxies;
pub use examination::{Examination, Findings, Readiness};
pub use host::{Hosts, LocalAddress};
pub use limit::{Limiter, LocalCounts};
pub use state::{ApiState, Reach, SiteState};
pub use streams::{StreamLimits, Streams};

/// The REST calls with their descriptions.
fn calls() -> OpenApiRouter<ApiState> {
    openapi::collector()
        .routes(routes!(users::create_guest))
        .routes(routes!(users::me, users::delete_me))
        .routes(routes!(users::usage))
        .routes(routes!(users::tokens, users::create_token))
        .routes(routes!(users::revoke_token))
        .routes(routes!(documents::formats))
        .routes(routes!(upload::prepare))
        .routes(routes!(upload::prepare_url))
        .routes(routes!(documents::submit))
        .routes(routes!(documents::batch_status))
        .routes(routes!(documents::extraction_status))
        .routes(routes!(documents::list))
        .routes(routes!(documents::get, documents::delete))
        .routes(routes!(documents::retry))
        .routes(routes!(documents::export))
        .routes(routes!(images::original))
        .routes(routes!(images::figure))
        .routes(routes!(events::events))
        .routes(routes!(health::live))
}

/// Calls for the operator, which may have a listener of their own.
fn operations() -> OpenApiRouter<ApiState> {
    openapi::collector().routes(routes!(health::ready)).routes(routes!(metrics::metrics))
}

/// What the REST API says of itself. It is the same for as long as the program runs.
pub fn openapi() -> &'static OpenApi {
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| openapi::finish(calls().merge(operations()).into_openapi()));
    &DOCUMENT
}

/// The same as text, for `/openapi.json` and for `export-openapi`.
pub fn openapi_json() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| serde_json::to_string_pretty(openapi()).unwrap_or_default());
    &TEXT
}

/// The HTTP of the public listener.
pub fn router(state: ApiState) -> Router {
    let calls = if state.site.separate_operations { calls() } else { calls().merge(operations()) };
    let (rest, _) = calls.split_for_parts();
    let rest = rest
        .route("/openapi.json", get(reference::document))
        .route("/docs", get(reference::page))
        .route("/sign-in/provider", get(sign_in::begin))
        .route("/sign-in/provider/callback", get(sign_in::finish))
        .method_not_allowed_fallback(error::method_not_allowed);
    let silence_timeout = state.site.silence_timeout;
    // From the outside in: a request is for this host, known, counted and guarded, and only then looked at.
    let guarded = pages::routes(rest, &state)
        .layer(from_fn_with_state(state.clone(), body::limit))
        .layer(ServiceBuilder::new().layer(RequestBodyTimeoutLayer::new(silence_timeout)).map_request_body(Body::new))
        .layer(from_fn_with_state(state.clone(), auth::rotate))
        .layer(from_fn_with_state(state.clone(), guard::same_site))
        .layer(from_fn_with_state(state.clone(), limit::check))
        .layer(from_fn_with_state(state.clone(), auth::identify))
        .layer(from_fn_with_state(state.clone(), host::check));
    named(guarded, state)
}

/// The HTTP of the listener for the operator: only probes and figures.
pub fn operations_router(state: ApiState) -> Router {
    let (rest, _) = operations().routes(routes!(health::live)).split_for_parts();
    named(rest.fallback(error::no_such_call), state)
}

/// From the outside in: a request gets its client's address and its id, is counted and logged, and its answer gets the common headers.
fn named(router: Router<ApiState>, state: ApiState) -> Router {
    router
        .layer(from_fn_with_state(state.clone(), guard::headers))
        .layer(TraceLayer::new_for_http().make_span_with(error::span).on_response(error::answered))
        .layer(from_fn(error::name_request))
        .layer(from_fn_with_state(state.clone(), metrics::count))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(from_fn(error::keep_caller_request_id))
        .layer(from_fn_with_state(state.clone(), client_address::resolve))
        .with_state(state)
}
