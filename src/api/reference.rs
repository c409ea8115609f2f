//! The API reference as a web page, rendered on the server from the OpenAPI document. It needs no script and no other site.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use leptos::prelude::*;
use sha2::{Digest, Sha256};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi, RefOr};

use super::ApiState;
use crate::model::hex;

/// A weak tag, because the body may be compressed.
static ETAG: LazyLock<String> = LazyLock::new(|| format!("W/\"{}\"", hex(&Sha256::digest(super::openapi_json()))));

/// `GET /openapi.json`
pub(crate) async fn document(headers: HeaderMap) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    let caching = [(header::ETAG, ETAG.as_str()), (header::CACHE_CONTROL, "public, no-cache")];
    if known.split(',').any(|tag| ["*", ETAG.as_str()].contains(&tag.trim())) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, "application/json")], super::openapi_json()).into_response()
}

/// `GET /docs`
pub(crate) async fn page(State(state): State<ApiState>) -> Response {
    let document = super::openapi();
    let options = state.site.options.clone();
    let owner = Owner::new();
    let html = owner.with(|| {
        let calls = calls_of(document).into_iter().map(|call| call_view(call, document)).collect_view();
        let description = document.info.description.clone().unwrap_or_default();
        view! {
            <html lang="en">
                <head>
                    <meta charset="utf-8" />
                    <meta name="viewport" content="width=device-width, initial-scale=1" />
                    <title>"API · Coldbrew"</title>
                    <link rel="icon" type="image/svg+xml" href="/favicon.svg" />
                    <leptos_meta::HashedStylesheet options=options />
                </head>
                <body>
                    <main class="container stack loose">
                        <p><a href="/">"Coldbrew"</a></p>
                        <h1>"API"</h1>
                        {paragraphs(&description)}
                        <p>"The same for programs: "<a href="/openapi.json">"openapi.json"</a></p>
                        {calls}
                    </main>
                </body>
            </html>
        }
        .to_html()
    });
    let policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(format!("<!DOCTYPE html>{html}"))).into_response()
}

/// A route with its method, path and description.
struct Call<'a> {
    method: &'static str,
    path: &'a str,
    operation: &'a Operation,
}

fn calls_of(document: &OpenApi) -> Vec<Call<'_>> {
    let paths = document.paths.paths.iter();
    let operations = paths.flat_map(|(path, item)| {
        let all = [("GET", &item.get), ("POST", &item.post), ("DELETE", &item.delete)];
        all.map(|(method, operation)| Some(Call { method, path, operation: operation.as_ref()? }))
    });
    operations.flatten().collect()
}

fn call_view(call: Call<'_>, document: &OpenApi) -> impl IntoView {
    let Call { method, path, operation } = call;
    let parameters = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some((parameter.name.clone(), parameter.description.clone().unwrap_or_default())),
        RefOr::Ref(_) => None,
    });
    let answers = operation.responses.responses.iter().map(|(status, answer)| match answer {
        RefOr::T(answer) => (status.clone(), answer.description.clone()),
        RefOr::Ref(reference) => (status.clone(), reference.description.clone()),
    });
    let row =
        |(name, description): (String, String)| view! { <div><dt><code>{name}</code></dt><dd>{description}</dd></div> };
    view! {
        <section class="card stack">
            <h2><code>{format!("{method} {path}")}</code></h2>
            {paragraphs(operation.summary.as_deref().unwrap_or_default())}
            {paragraphs(operation.description.as_deref().unwrap_or_default())}
            {body_of(operation, document).map(|schema| view! { <pre class="scroll-x" tabindex="0">{schema}</pre> })}
            <dl>{parameters.map(row).collect_view()}</dl>
            <dl>{answers.map(row).collect_view()}</dl>
        </section>
    }
}

fn paragraphs(description: &str) -> impl IntoView {
    description
        .split("\n\n")
        .filter(|description| !description.is_empty())
        .map(|description| view! { <p>{description.to_owned()}</p> })
        .collect_view()
}

/// The JSON schema of a route's body.
fn body_of(operation: &Operation, document: &OpenApi) -> Option<String> {
    let RefOr::T(body) = operation.request_body.as_ref()? else { return None };
    let RefOr::T(content) = body.content.get("application/json")? else { return None };
    let RefOr::Ref(reference) = content.schema.as_ref()? else { return None };
    let name = reference.ref_location.rsplit('/').next()?;
    let schema: &RefOr<Schema> = document.components.as_ref()?.schemas.get(name)?;
    serde_json::to_string_pretty(schema).ok()
}
