//! Sends traces to an OpenTelemetry collector: spans of requests and of the steps of jobs, with the log lines in them. Without a collector
//! none of this runs.

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

/// Whether traces are sent.
static SENDING: AtomicBool = AtomicBool::new(false);

/// A collector of OTLP over HTTP, configured by OpenTelemetry's own variables.
#[derive(Clone, Debug)]
pub struct Collector {
    /// The base URL: traces are sent to `/v1/traces` below it.
    endpoint: String,
    /// Headers of each request, for example with a key.
    headers: HashMap<String, Secret>,
    /// The name of this service in the traces.
    service_name: String,
}

impl Collector {
    /// Reads the settings. `None` without an endpoint.
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

/// Sends traces in the background. Dropping it sends the last ones.
#[derive(Debug)]
pub struct Sending(Option<SdkTracerProvider>);

impl Sending {
    /// Starts sending, if there is a collector. Spans that the collector does not accept in time are lost; no request waits for it.
    ///
    /// # Errors
    /// The exporter cannot be built.
    pub(super) fn start(destination: Option<&Collector>) -> Result<Self> {
        let provider = destination.map(provider).transpose()?;
        SENDING.store(provider.is_some(), Ordering::Relaxed);
        Ok(Self(provider))
    }

    /// The layer that makes a trace of the log's spans; `None` without a collector.
    pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> Option<impl Layer<S>> {
        let tracer = self.0.as_ref()?.tracer("coldbrew");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        Some(layer.with_location(false).with_threads(false).with_target(false).with_tracked_inactivity(false))
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.take().map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "sending the last traces failed");
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

/// Sets the name of a span, which must have an empty field `otel.name`.
pub fn name(span: &Span, name: &str) {
    if SENDING.load(Ordering::Relaxed) {
        span.record("otel.name", name);
    }
}

/// Makes the span of a request part of its caller's trace. The span must have the empty fields `otel.name` and `otel.kind`.
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
    // It fails for a span that has begun already: that one is part of a trace.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&HeaderExtractor(headers)));
}

/// Adds the status of the answer to the span of a request.
pub fn answered(span: &Span, status: http::StatusCode) {
    if !SENDING.load(Ordering::Relaxed) {
        return;
    }
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
}
