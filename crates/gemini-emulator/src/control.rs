//! `/_control`, with which tests move the clock, switch on faults and count calls. It serves only callers on this machine.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::batch::ShowOptions;
use super::caller::Caller;
use super::emulator::{Emulator, Settings};
use super::faults::{ArmedFault, FaultMix};
use super::reply::{ApiError, not_found_page, ok};

/// | call | effect |
/// |---|---|
/// | `GET /_control` | returns the time, the settings, the armed faults, the number of calls by name, and the number of requests without `"store": false` |
/// | `GET /_control/batches` | returns all batches of the key, with those that were deleted |
/// | `POST /_control/faults` | arms an [`ArmedFault`] |
/// | `POST /_control/mixes` | arms a [`FaultMix`], as `{"mix": "books", "seed": 1}` |
/// | `DELETE /_control/faults` | disarms all faults |
/// | `POST /_control/clock` | moves the clock by `{"advance_ms": …}` |
/// | `POST /_control/settings` | replaces the [`Settings`] |
pub(crate) fn router() -> Router<Emulator> {
    Router::new()
        .route("/_control", get(show))
        .route("/_control/batches", get(batches))
        .route("/_control/faults", post(arm).delete(disarm))
        .route("/_control/mixes", post(arm_mix))
        .route("/_control/clock", post(advance))
        .route("/_control/settings", post(set))
        .route_layer(from_fn(only_from_this_machine))
}

async fn only_from_this_machine(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let is_local = peer.is_some_and(|ConnectInfo(address)| address.ip().to_canonical().is_loopback());
    if is_local { next.run(request).await } else { not_found_page().await }
}

async fn show(State(emulator): State<Emulator>) -> Response {
    ok(json!({
        "now": emulator.now().to_string(),
        "settings": emulator.settings(),
        "faults": emulator.faults.armed(),
        "calls": emulator.calls(),
        "unprotected_requests": emulator.unprotected.load(Ordering::Relaxed),
    }))
}

async fn batches(State(emulator): State<Emulator>, caller: Caller) -> Response {
    let now = emulator.now();
    let of_caller = emulator.batches.all().into_iter().filter(|batch| batch.project == caller.project);
    let shown: Vec<_> = of_caller.map(|batch| batch.show(now, None, ShowOptions::default())).collect();
    ok(json!({"operations": shown}))
}

async fn arm(State(emulator): State<Emulator>, Json(fault): Json<ArmedFault>) -> Response {
    emulator.faults.arm(fault);
    ok(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mix {
    mix: FaultMix,
    #[serde(default)]
    seed: u64,
}

async fn arm_mix(State(emulator): State<Emulator>, Json(asked): Json<Mix>) -> Response {
    emulator.arm(asked.mix, asked.seed);
    ok(json!({}))
}

async fn disarm(State(emulator): State<Emulator>) -> Response {
    emulator.faults.disarm_all();
    ok(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_ms: i64,
}

async fn advance(State(emulator): State<Emulator>, Json(by): Json<Advance>) -> Result<Response, ApiError> {
    emulator.clock_offset.advance(by.advance_ms)?;
    Ok(ok(json!({"now": emulator.now().to_string()})))
}

async fn set(State(emulator): State<Emulator>, Json(settings): Json<Settings>) -> Response {
    emulator.set(settings);
    ok(json!({}))
}
