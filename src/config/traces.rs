//! Where traces go: an OpenTelemetry collector, by the variables that OpenTelemetry itself has for it.

use std::collections::HashMap;

use super::Source;

/// A collector that takes OTLP over HTTP.
#[derive(Clone)]
pub struct Traces {
    /// Traces go to `/v1/traces` below it.
    pub endpoint: String,
    /// Sent along with each request, for example a key.
    pub headers: HashMap<String, String>,
    /// What this service is called there.
    pub service_name: String,
}

impl Traces {
    /// `None` without an endpoint.
    pub(super) fn read(source: &mut Source) -> Option<Self> {
        let endpoint = source.url("traces.endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT");
        let headers = source.secret("traces.headers", "OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default();
        let headers: Option<HashMap<_, _>> =
            headers.split(',').filter(|header| !header.trim().is_empty()).map(header).collect();
        let service_name = source.value("traces.service-name", "OTEL_SERVICE_NAME", "coldbrew".to_owned());
        if headers.is_none() {
            source.complain("traces.headers (OTEL_EXPORTER_OTLP_HEADERS) must be name=value, separated by commas");
        }
        Some(Self { endpoint: endpoint?, headers: headers?, service_name })
    }
}

fn header(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    Some((name.trim().to_owned(), value.trim().to_owned()))
}

/// Headers never reach a log.
impl std::fmt::Debug for Traces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Traces").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
