//! The HTTP API: the REST routes under `/v1`, and the checks that every request passes before a handler runs.
//!
//! Handlers only translate between HTTP and the use cases in [`UseCases`]. [`error`] alone turns errors into responses. [`auth`] alone
//! identifies callers. No handler names an adapter or the web app; `crate::serve` adds the routes of the web app.
//!
//! [`router`] lists all routes. `entrance` applies the checks in order. `openapi` derives the API's description from the same handlers.

pub mod auth;
mod body;
mod cached;
mod client_address;
mod documents;
mod entrance;
pub mod error;
mod events;
mod examination;
pub mod guard;
mod health;
mod host;
mod idempotency;
mod images;
mod limit;
mod metrics;
mod openapi;
mod reference;
mod scopes;
mod state;
mod streams;
mod upload;
mod users;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::routing::get;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use client_address::Proxies;
pub use examination::{Examination, Examined, Findings, Readiness};
pub use host::{Hosts, LocalAddress};
pub use idempotency::{Idempotency, IdempotencyClaim, IdempotencyKeys};
pub use limit::{Limiter, LocalCounts, PerMinute, RateLimits, RequestCount, RequestCounts, RequestKind, Scope};
pub use state::{ApiState, AppState, SiteSettings, SiteState, UseCases};
pub use streams::{StreamLimits, Streams};

/// All REST routes of the public listener, with their descriptions.
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
        .routes(routes!(documents::reread))
        .routes(routes!(documents::export))
        .routes(routes!(images::original))
        .routes(routes!(images::figure))
        .routes(routes!(events::events))
        .routes(routes!(health::live))
}

/// Routes for the operator, which may have a listener of their own.
fn operations() -> OpenApiRouter<ApiState> {
    openapi::collector().routes(routes!(health::ready)).routes(routes!(metrics::metrics))
}

/// The routes of a worker: its health, its readiness and its metrics.
pub fn worker_router(examination: Arc<Examination>) -> Router {
    let routes = Router::new().route("/healthz", get(health::loops)).route("/readyz", get(health::ready));
    routes.route("/metrics", get(metrics::metrics)).with_state(examination)
}

/// The OpenAPI document. It does not change while the program runs.
pub fn openapi() -> &'static OpenApi {
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| openapi::finish(calls().merge(operations()).into_openapi()));
    &DOCUMENT
}

/// The OpenAPI document as JSON text, for `/openapi.json` and `export-openapi`.
pub fn openapi_json() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| serde_json::to_string_pretty(openapi()).unwrap_or_default());
    &TEXT
}

/// The router of the public listener. `web` adds the web app to the REST routes.
pub fn router(state: ApiState, web: impl FnOnce(Router<ApiState>) -> Router<ApiState>) -> Router {
    let calls = if state.site.separate_operations { calls() } else { calls().merge(operations()) };
    let (rest, _) = calls.split_for_parts();
    let rest = rest
        .route("/openapi.json", get(reference::document))
        .route("/docs", get(reference::page))
        .method_not_allowed_fallback(error::method_not_allowed);
    entrance::observed(entrance::guarded(web(rest), &state), state)
}

/// The router of the operator's listener: probes and metrics only.
pub fn operations_router(state: ApiState) -> Router {
    let (rest, _) = operations().routes(routes!(health::live)).split_for_parts();
    entrance::observed(rest.fallback(error::unknown_route), state)
}
