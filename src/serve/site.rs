//! Serves the web app: its pages, its server functions and its files.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum_extra::extract::CookieJar;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list, handle_server_fns_with_context};
use tower::ServiceExt;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::services::ServeDir;

use crate::api::ApiState;
use crate::api::auth::is_asset;
use crate::api::error::Failure;
use crate::app::{App, PageContext, shell};
use crate::model::ApiError;
use crate::web::{redirect, set_status, take_flash};

/// Adds the web app to the REST routes. Any other path is a file of the site, or not found.
pub(crate) fn routes(rest: Router<ApiState>, state: &ApiState) -> Router<ApiState> {
    let context = state.clone();
    let options = state.site.options.clone();
    let site = ServeDir::new(options.site_root.as_ref()).precompressed_br().precompressed_gzip();
    let files = Router::new().fallback_service(site).layer(from_fn(set_cache_control));
    rest.route("/api/{*call}", post(server_function))
        .leptos_routes_with_context(
            state,
            generate_route_list(App),
            move || provide_context(context.clone()),
            move || {
                prepare_page();
                shell(options.clone())
            },
        )
        .fallback(move |state: State<ApiState>, request: Request| serve_file(files.clone(), state, request))
        .layer(compression())
}

/// Compresses answers, except for event streams, which must not be delayed, and content that is compressed already.
fn compression() -> CompressionLayer<impl Predicate> {
    let worthwhile = DefaultPredicate::new().and(NotForContentType::const_new("application/zip"));
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worthwhile)
}

async fn server_function(State(state): State<ApiState>, request: Request) -> impl IntoResponse {
    handle_server_fns_with_context(move || provide_context(state.clone()), request).await
}

/// A file of the site, or the page for a path that does not exist.
async fn serve_file(files: Router, State(state): State<ApiState>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let (parts, body) = request.into_parts();
    let for_file = Request::from_parts(parts.clone(), Body::empty());
    let file = files.oneshot(for_file).await.into_response();
    if file.status() != StatusCode::NOT_FOUND {
        return file;
    }
    if path.starts_with("/v1/") {
        return Failure::from(ApiError::not_found("call")).into_response();
    }
    // Only scripts and pages load these paths, so a rendered page for people would be wasted.
    if is_asset(&path) {
        return Failure::from(ApiError::not_found("file")).into_response();
    }
    let (context, options) = (state.clone(), state.site.options.clone());
    let render = leptos_axum::render_app_async_with_context(
        move || provide_context(context.clone()),
        move || {
            prepare_page();
            shell(options.clone())
        },
    );
    render(Request::from_parts(parts, body)).await.into_response()
}

/// Sets how long a file may be cached. Files under `pkg` have a hash of their content in their names, so they never change.
async fn set_cache_control(request: Request, next: Next) -> Response {
    let hashed = request.uri().path().starts_with("/pkg/");
    let mut response = next.run(request).await;
    let value = if hashed { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    }
    response
}

/// Provides a page with what it needs of its request, and sets its content security policy and caching.
fn prepare_page() {
    let state = expect_context::<ApiState>();
    let parts = use_context::<axum::http::request::Parts>();
    let headers = parts.map(|parts| parts.headers).unwrap_or_default();
    let cookies = CookieJar::from_headers(&headers);
    let theme =
        cookies.get("theme").and_then(|cookie| ["light", "dark"].into_iter().find(|theme| *theme == cookie.value()));
    provide_context(PageContext {
        demo: state.site.demo,
        upload_bytes_max: state.services.intake.receiver.bytes_max,
        theme,
        provider: state.provider.as_ref().map(|provider| provider.name().to_owned()),
        batch_percent: state.services.intake.pricing.batch_percent,
        library: library_of(&state.site.options),
        flash: take_flash(&headers),
        set_status: Some(set_status),
        redirect: Some(redirect),
    });
    let Some(response) = use_context::<ResponseOptions>() else { return };
    // In development, pages connect to cargo-leptos to reload after a build (`AutoReload`).
    let reload = match std::env::var("LEPTOS_WATCH") {
        Ok(_) => format!(" ws://*:{}", state.site.options.reload_port),
        Err(_) => String::new(),
    };
    let nonce = use_nonce().map(|nonce| format!("'nonce-{nonce}' ")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src {nonce}'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
         connect-src 'self'{reload}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
    // A page shows what belongs to one person.
    response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
}

/// The addresses of the browser library's script and WebAssembly. Their hashes are read for every page, because the site may have been
/// built again.
fn library_of(options: &LeptosOptions) -> Option<(String, String)> {
    let hashes = std::fs::read_to_string(options.hash_file.as_ref()).ok()?;
    let hash = |kind: &str| hashes.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(": "));
    let address = |kind| Some(format!("/{}/{}.{}.{kind}", options.site_pkg_dir, options.output_name, hash(kind)?));
    Some((address("js")?, address("wasm")?))
}
