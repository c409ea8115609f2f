//! The REST API and its description, made from the same handlers: what is served is what is documented.
//!
//! A handler's attribute says what it takes and its good answers; the refusals that follow from what a call is (that it needs an
//! account, that it names something by id) are added here, once for all. `reference` renders the document for people.

use strum::VariantArray;
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, KnownFormat, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder, Schema};
use utoipa::{OpenApi, PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::ApiState;
use crate::model::{ErrorCode, PageSet};

/// What the document says before its first call.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Coldbrew",
        description = "Turns large PDFs into clean Markdown, as a batch at half price.\n\nA document is prepared (`/v1/documents/prepare`), \
                       submitted (`/v1/documents/document`), and then remote until it names a document that can be read. All amounts \
                       are token equivalents: input + (output + thoughts) × a multiplier. Errors have a stable `code` and a sentence to act on."
    ),
    security(("token" = []), ("session" = [])),
    components(schemas(crate::model::wire::ErrorBody)),
    tags(
        (name = "documents", description = "Preparing, submitting, watching and reading documents."),
        (name = "users", description = "Accounts and what they used."),
        (name = "operation", description = "For those who run the service.")
    )
)]
struct Preamble;

/// An empty router that collects handlers and their descriptions.
pub(crate) fn collector() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(Preamble::openapi())
}

/// The finished document of the calls that were collected.
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

/// Refusals that follow from what kind of call it is.
fn add_refusals(operation: &mut Operation, changes: bool, named: bool) {
    // The document's own rule asks for an account; a public call says otherwise.
    let needs_account = operation.security.is_none();
    for (status, applies, words) in [
        (400, true, "The request is not what this call takes; the message names the field."),
        (401, needs_account, "No valid session or token came with the request."),
        (403, changes, "A browser sent this for another site."),
        (404, named, "There is no such thing, or it belongs to somebody else."),
        (413, operation.request_body.is_some(), "The body is larger than this call takes."),
        (421, true, "The service does not answer to the host name of the request."),
        (429, true, "Too many requests; `Retry-After` says how many seconds to wait."),
        (500, true, "A fault of ours. The log has it under the request id."),
        (503, true, "Something that the service depends on is away; `Retry-After` says how many seconds to wait."),
    ] {
        if applies {
            operation.responses.responses.entry(status.to_string()).or_insert_with(|| RefOr::T(refusal(words)));
        }
    }
}

fn refusal(words: &str) -> Response {
    let body = Content::new(Some(RefOr::Ref(Ref::from_schema_name("ErrorBody"))));
    ResponseBuilder::new().description(words).content("application/json", body).build()
}

/// Page numbers travel as a list of 0-based indices.
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

/// Codes are documented as they stand on the wire.
impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let words = "The stable codes of the API, each with the HTTP status that it is answered with.";
        let names = ErrorCode::VARIANTS.iter().map(|code| code.into_str());
        ObjectBuilder::new().schema_type(Type::String).description(Some(words)).enum_values(Some(names)).into()
    }
}

impl ToSchema for ErrorCode {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call that is added, changed or lost shows in the snapshot. `cargo run -- export-openapi > docs/openapi.json` renews it.
    #[test]
    fn the_document_is_the_one_on_record() {
        let recorded = include_str!("../../docs/openapi.json");
        assert!(crate::api::openapi_json() == recorded.trim_end(), "docs/openapi.json is not what the handlers say");
    }

    #[test]
    fn codes_are_documented_as_they_are_sent() {
        for code in ErrorCode::VARIANTS {
            let sent = serde_json::to_string(code).unwrap_or_default();
            assert!(crate::api::openapi_json().contains(&sent), "{sent}");
        }
    }
}
