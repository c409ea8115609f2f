//! Traces that a collector gets from a real server.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use coldbrew_pdf::testing::simple_pdf;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::support::harness::{TestClient, http};
use crate::support::processes::Program;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const KEY: &str = "key-of-the-collector";

/// A collector that stores all traces, and checks the key of each request.
#[derive(Clone, Default)]
struct Collector {
    requests: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    received: Arc<Notify>,
}

impl Collector {
    /// Starts the collector. Returns its base URL.
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().route("/v1/traces", post(Self::take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        url
    }

    async fn take(State(collector): State<Self>, headers: HeaderMap, body: Bytes) -> &'static [u8] {
        assert_eq!(headers["x-key"], KEY);
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        collector.requests.lock().unwrap().push(request);
        collector.received.notify_one();
        // An empty message accepts all spans.
        b""
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.requests.lock().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
    }

    /// Waits for the first span of that name.
    async fn span(&self, name: &str) -> Span {
        loop {
            if let Some(span) = self.spans().into_iter().find(|span| span.name == name) {
                return span;
            }
            self.received.notified().await;
        }
    }
}

fn attribute(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == name);
    format!("{:?}", found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()))
}

#[tokio::test]
async fn traces_have_requests_and_job_steps_and_nothing_private() {
    let (collector, data) = (Collector::default(), TempDir::new().unwrap());
    let (url, headers) = (collector.start().await, format!("x-key={KEY}"));
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", &headers),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("COLDBREW_PROXY_NETWORKS", "127.0.0.0/8"),
        ("RUST_LOG", "warn,coldbrew=trace"),
    ];
    let server = Program::serve(data.path(), &settings).await;
    let guest = TestClient::guest_at(&server.base_url).await;

    let request = http().get(format!("{}/v1/users/me", server.base_url)).bearer_auth(&guest.token);
    let answer = request.header("traceparent", TRACEPARENT).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let span = collector.span("GET /v1/users/me").await;
    assert_eq!(span.trace_id, hex("0af7651916cd43dd8448eb211c80319c"), "the span is not in its caller's trace");
    assert_eq!(span.parent_span_id, hex("b7ad6b7169203331"));
    assert_eq!(span.kind, i32::from(SpanKind::Server));
    assert_eq!(attribute(&span, "http.response.status_code"), "Some(IntValue(200))");

    let uploaded = guest.upload("secret-name.pdf", simple_pdf(&["secret-text of the page"])).await;
    let prepared: Value = uploaded.json().await.unwrap();
    let wish = json!({"hash": prepared["hash"], "title": "secret-title", "ai_transform": true, "batch_mode": true});
    let submitted = guest.send(Method::POST, "/v1/documents/document", Some(wish)).await;
    assert_eq!(submitted.status(), StatusCode::ACCEPTED);
    let document = guest.batch_end(prepared["content_hash"].as_str().unwrap()).await["document_id"].clone();
    guest.send(Method::GET, &format!("/documents/{}?query=secret-text", document.as_str().unwrap()), None).await;
    for step in ["prepare", "upload", "create", "poll", "download"] {
        assert_ne!(attribute(&collector.span(step).await, "job"), "None", "{step}");
    }
    let one_document = collector.span("GET /documents/{id}").await;
    assert_eq!(one_document.parent_span_id, Vec::<u8>::new(), "the request had no `traceparent`");

    assert!(server.stop().await.success());
    let all = format!("{:?}", collector.requests.lock().unwrap());
    assert!(all.contains("\"coldbrew\"") && all.contains("GET /v1/documents/batch/{content_hash}/status"));
    for word in ["secret-", KEY, guest.token.as_str()] {
        assert!(!all.contains(word), "{word}");
    }
}

#[tokio::test]
async fn traceparent_of_another_peer_begins_a_trace_of_its_own() {
    let (collector, data) = (Collector::default(), TempDir::new().unwrap());
    let (url, headers) = (collector.start().await, format!("x-key={KEY}"));
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", &headers),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("COLDBREW_PROXY_NETWORKS", "192.0.2.0/24"),
        ("RUST_LOG", "warn,coldbrew=trace"),
    ];
    let server = Program::serve(data.path(), &settings).await;
    let request = http().get(format!("{}/v1/users/me", server.base_url)).header("traceparent", TRACEPARENT);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let span = collector.span("GET /v1/users/me").await;
    assert_ne!(span.trace_id, hex("0af7651916cd43dd8448eb211c80319c"));
    assert!(span.parent_span_id.is_empty());
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn unavailable_collector_costs_only_the_traces() {
    let data = TempDir::new().unwrap();
    // No process listens there.
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let server = Program::serve(data.path(), &settings).await;
    let guest = TestClient::guest_at(&server.base_url).await;
    let prepared = guest.upload_pages(1).await;
    assert_eq!(guest.submit(&prepared, false, false).await.status(), StatusCode::CREATED);
    assert!(server.stop().await.success());
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
