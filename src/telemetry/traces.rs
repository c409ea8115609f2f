//! Traces for an OpenTelemetry collector: spans of requests and of a job's steps, with the log's lines in them. Without a collector
//! nothing of this runs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Status, TracerProvider};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::error::{Error, Result};
use crate::settings::{Secret, Settings};

/// Whether anybody is told.
static SENDING: AtomicBool = AtomicBool::new(false);

/// A collector that takes OTLP over HTTP, by the variables that OpenTelemetry itself has for it.
#[derive(Clone, Debug)]
pub struct Collector {
    /// Traces go to `/v1/traces` below it.
    endpoint: String,
    /// Sent along with each request, for example a key.
    headers: HashMap<String, Secret>,
    /// What this service is called there.
    service_name: String,
}

impl Collector {
    /// `None` without an endpoint.
    pub fn read(from: &mut Settings) -> Option<Self> {
        let endpoint = from.url("traces.endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT");
        let headers = from.secret("traces.headers", "OTEL_EXPORTER_OTLP_HEADERS");
        let listed = headers.as_deref().unwrap_or_default().split(',').filter(|header| !header.trim().is_empty());
        let headers: Option<HashMap<_, _>> = listed.map(header).collect();
        let service_name = from.value("traces.service-name", "OTEL_SERVICE_NAME", "coldbrew".to_owned());
        if headers.is_none() {
            from.complain("traces.headers (OTEL_EXPORTER_OTLP_HEADERS) must be name=value, separated by commas");
        }
        Some(Self { endpoint: endpoint?, headers: headers?, service_name })
    }
}

fn header(text: &str) -> Option<(String, Secret)> {
    let (name, value) = text.split_once('=')?;
    Some((name.trim().to_owned(), value.trim().into()))
}

/// Sends what has been traced, at last when it is dropped.
#[derive(Debug)]
pub struct Sending(Option<SdkTracerProvider>);

impl Sending {
    /// Begins, if there is a collector. Spans that it does not take in time are lost, and nobody waits for it.
    pub(super) fn start(destination: Option<&Collector>) -> Result<Self> {
        let provider = destination.map(provider).transpose()?;
        SENDING.store(provider.is_some(), Ordering::Relaxed);
        Ok(Self(provider))
    }

    /// What turns the log's spans into those of a trace.
    pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> Option<impl Layer<S>> {
        let tracer = self.0.as_ref()?.tracer("coldbrew");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        Some(layer.with_location(false).with_threads(false).with_target(false).with_tracked_inactivity(false))
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.take().map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

fn provider(destination: &Collector) -> Result<SdkTracerProvider> {
    let headers = destination.headers.iter();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", destination.endpoint.trim_end_matches('/')))
        .with_headers(headers.map(|(name, value)| (name.clone(), value.to_string())).collect())
        .build()
        .map_err(Error::internal)?;
    let resource = Resource::builder()
        .with_service_name(destination.service_name.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Names a span by what it does. It has an empty field `otel.name`.
pub fn name(span: &Span, name: &str) {
    if SENDING.load(Ordering::Relaxed) {
        span.record("otel.name", name);
    }
}

/// Makes the span of a request a part of the trace that its caller is in. It has the empty fields `otel.name` and `otel.kind`.
pub fn join(span: &Span, method: &http::Method, route: Option<&str>, headers: &http::HeaderMap) {
    if !SENDING.load(Ordering::Relaxed) {
        return;
    }
    name(span, &route.map_or_else(|| method.to_string(), |route| format!("{method} {route}")));
    span.record("otel.kind", "server");
    span.set_attribute("http.request.method", method.to_string());
    if let Some(route) = route {
        span.set_attribute("http.route", route.to_owned());
    }
    // A span that has begun already is in a trace already.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&HeaderExtractor(headers)));
}

/// Adds to the span of a request what came of it.
pub fn answered(span: &Span, status: http::StatusCode) {
    if !SENDING.load(Ordering::Relaxed) {
        return;
    }
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
}
