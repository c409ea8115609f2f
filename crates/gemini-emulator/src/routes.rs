//! The paths and their handlers.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Path, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use super::caller::VERSIONS;
use super::emulator::Emulator;
use super::reply::{finish, not_found_page};
use super::{batches, control, files, generate, models, uploads};

/// The router of the API under `v1`, `v1beta` and `v1alpha`.
///
/// `/_control` needs the address of the caller: use [`serve`], or axum's connect info.
pub fn router(emulator: Emulator) -> Router {
    let api = Router::new()
        .route("/{version}/files", get(files::list).post(files::create))
        .route("/{version}/files/{name}", get(files::get).delete(files::delete))
        .route("/upload/{version}/files", post(uploads::receive).put(uploads::receive))
        .route("/download/{version}/files/{name}", get(files::get))
        .route("/{version}/batches", get(batches::list))
        .route("/{version}/batches/{name}", get(batches::get).post(batches::cancel).delete(batches::delete))
        .route("/{version}/models", get(models::list))
        .route("/{version}/models/{name}", get(models::get).post(generate::call))
        .route_layer(from_fn(known_version));
    let control = if emulator.control { control::router() } else { Router::new() };
    api.merge(control)
        .fallback(not_found_page)
        .method_not_allowed_fallback(not_found_page)
        .layer(from_fn(finish))
        .with_state(emulator)
}

/// Serves the emulator until `stop` completes.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    emulator: Emulator,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let service = router(emulator).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await
}

async fn known_version(Path(path): Path<Vec<(String, String)>>, request: Request, next: Next) -> Response {
    let known = path.iter().any(|(name, value)| name == "version" && VERSIONS.contains(&value.as_str()));
    if known { next.run(request).await } else { not_found_page().await }
}
