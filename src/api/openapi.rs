//! The OpenAPI document. It is made from the handlers that are served, so it describes what the server does.
//!
//! The attribute of a handler describes its parameters and its own responses. Errors that follow from the kind of a route, such as 401, are
//! added here for all routes. `reference` renders the document as a web page.

use strum::VariantArray;
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, KnownFormat, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder, Schema};
use utoipa::{OpenApi, PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::ApiState;
use crate::model::{ErrorCode, PageSet};

/// The general part of the document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Coldbrew",
        description = "Turns large PDFs into clean Markdown, as a batch at half price.\n\nPrepare a document (`/v1/documents/prepare`) and \
                       submit it (`/v1/documents/document`). Then poll its status until it names a document. All amounts \
                       are token equivalents: input + (output + thoughts) × a multiplier. Errors have a stable `code` and a sentence \
                       that says what to do."
    ),
    security(("token" = []), ("session" = [])),
    components(schemas(crate::model::wire::ErrorBody)),
    tags(
        (name = "documents", description = "Prepare, submit, follow, read and export documents."),
        (name = "users", description = "Accounts, tokens and usage."),
        (name = "operation", description = "Probes and metrics for operators.")
    )
)]
struct Preamble;

/// An empty router that collects handlers with their descriptions.
pub(crate) fn collector() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(Preamble::openapi())
}

/// Completes the document with common errors and security schemes.
pub(crate) fn finish(mut document: Document) -> Document {
    for (path, item) in &mut document.paths.paths {
        let named = path.contains('{');
        let operations = [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Delete, &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                add_refusals(operation, method != HttpMethod::Get, named);
            }
        }
    }
    let components = document.components.get_or_insert_default();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("__Host-coldbrew")));
    let schemes = [("token".to_owned(), RefOr::T(bearer)), ("session".to_owned(), RefOr::T(cookie))];
    components.security_schemes.extend(schemes);
    document
}

const FORBIDDEN: &str =
    "The account is disabled or may not do this, or a browser sent the request for another site. The code says which.";

/// Adds the errors that follow from the kind of a route.
fn add_refusals(operation: &mut Operation, changes: bool, named: bool) {
    // The document requires an account by default. Public routes override that.
    let needs_account = operation.security.is_none();
    for (status, applies, description) in [
        (400, true, "The request is malformed. The message names the field."),
        (401, needs_account, "The request has no valid session or token."),
        (403, changes || needs_account, FORBIDDEN),
        (404, named, "It does not exist, or belongs to another account."),
        (413, operation.request_body.is_some(), "The body is too large."),
        (421, true, "The host name of the request is not one of this server's."),
        (429, true, "Too many requests. Wait `Retry-After` seconds."),
        (500, true, "Internal error. The server's log has details under the request id."),
        (503, true, "A dependency is unavailable. Wait `Retry-After` seconds."),
    ] {
        if applies {
            operation.responses.responses.entry(status.to_string()).or_insert_with(|| RefOr::T(refusal(description)));
        }
    }
}

fn refusal(description: &str) -> Response {
    let body = Content::new(Some(RefOr::Ref(Ref::from_schema_name("ErrorBody"))));
    ResponseBuilder::new().description(description).content("application/json", body).build()
}

/// Page sets are JSON arrays of 0-based indices.
impl PartialSchema for PageSet {
    fn schema() -> RefOr<Schema> {
        let index = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(0));
        ArrayBuilder::new().items(index).description(Some("0-based page indices, ascending.")).into()
    }
}

impl ToSchema for PageSet {}

/// The schema lists the codes as they are sent.
impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let description = "The stable error codes of the API.";
        let names = ErrorCode::VARIANTS.iter().map(|code| code.into_str());
        ObjectBuilder::new().schema_type(Type::String).description(Some(description)).enum_values(Some(names)).into()
    }
}

impl ToSchema for ErrorCode {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recorded document shows every change of the API. `cargo run -- export-openapi > docs/openapi.json` updates it.
    #[test]
    fn openapi_document_recorded_equals_the_handlers() {
        let recorded = include_str!("../../docs/openapi.json");
        assert!(crate::api::openapi_json() == recorded.trim_end(), "docs/openapi.json is outdated");
    }

    #[test]
    fn error_codes_are_documented_as_they_are_sent() {
        for code in ErrorCode::VARIANTS {
            let sent = serde_json::to_string(code).unwrap_or_default();
            assert!(crate::api::openapi_json().contains(&sent), "{sent}");
        }
    }
}
