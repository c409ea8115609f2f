//! The layers that every request passes before a handler runs. There are few, because each request clones all layers inside each layer.
//!
//! From the outside in: a request gets its client's address and an id. It is logged and counted, and its response gets the common headers.
//! Then [`admit`] identifies the caller and refuses what must not reach a handler, cheapest check first.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower::ServiceBuilder;
use tower_http::ServiceBuilderExt;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::RequestBodyTimeoutLayer;
use tower_http::trace::TraceLayer;

use super::limit::Count;
use super::{ApiState, auth, body, client_address, error, guard, host, metrics, scopes};
use crate::error::Result;

/// Wraps a router of REST routes and pages in [`admit`].
pub(crate) fn guarded(router: Router<ApiState>, state: &ApiState) -> Router<ApiState> {
    let silence_timeout = state.site.settings.silence_timeout;
    router.layer(
        ServiceBuilder::new()
            // It is outside the limit on the body's size, because handlers must recognise the error of that limit.
            .layer(RequestBodyTimeoutLayer::new(silence_timeout))
            .map_request_body(Body::new)
            .layer(from_fn_with_state(state.clone(), admit)),
    )
}

/// Adds request ids, logs, traces and metrics to a router.
pub(crate) fn observed(router: Router<ApiState>, state: ApiState) -> Router {
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(state.clone(), count))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(TraceLayer::new_for_http().make_span_with(error::span).on_response(error::on_response))
        .layer(axum::middleware::from_fn(error::with_request_id))
        .map_request_body(Body::new);
    router.layer(layers).with_state(state)
}

async fn count(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    client_address::resolve(&state.site.settings.proxies, &mut request);
    error::keep_caller_request_id(&mut request);
    let (method, start) = (request.method().clone(), state.services.clock.tick());
    let mut response = next.run(request).await;
    guard::add_headers(response.headers_mut(), state.site.https());
    metrics::count(&method, response.status(), start.elapsed());
    response
}

/// Checks the host, the rate limits, the origin site and the size of the body, then calls the handler.
async fn admit(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    check_and_run(&state, request, next).await.unwrap_or_else(|error| error::Failure(error).into_response())
}

async fn check_and_run(state: &ApiState, mut request: Request, next: Next) -> Result<Response> {
    host::check(&state.site.settings.hosts, &request)?;
    auth::identify(state, &mut request).await;
    let count = Count::of(&request);
    if let Some(count) = &count {
        count.before(&state.limiter).await?;
    }
    guard::same_site(state.site.settings.public_url.as_deref(), &request)?;
    let needed = scopes::needed_by(&request);
    scopes::check(state, needed).await?;
    let session = auth::session_of_page(state, &request);
    let request = body::limit(state, request)?;
    let mut response = next.run(request).await;
    if let Some(count) = &count {
        count.after(&state.limiter, response.status()).await?;
    }
    if let Some(session) = session {
        auth::rotate(state, &session, &mut response).await;
    }
    Ok(response)
}
