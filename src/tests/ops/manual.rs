//! Settings and metrics that the documents for operators name exist.

use std::collections::BTreeSet;
use std::path::Path;

use crate::rules::sources;

const DOCUMENTS: [&str; 8] = [
    "docs/OPERATIONS.md",
    "README.md",
    "deploy/Dockerfile",
    "deploy/compose.yaml",
    "deploy/coldbrew.service",
    "deploy/kubernetes/kustomization.yaml",
    "deploy/kubernetes/web.yaml",
    "deploy/kubernetes/worker.yaml",
];

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The words of a text that begin with `prefix`.
fn words(text: &str, prefix: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with(prefix)).map(str::to_owned).collect()
}

#[test]
fn variables_in_documents_are_settings() {
    let settings = read("Leptos.toml");
    for document in DOCUMENTS {
        let text = read(document);
        for prefix in ["COLDBREW_", "LEPTOS_", "GEMINI_", "DATABASE_", "REDIS_", "BLOB_", "AWS_", "OTEL_"] {
            for variable in words(&text, prefix) {
                let setting = variable.strip_suffix("_FILE").unwrap_or(&variable);
                // `COLDBREW_CONFIG` names the file of the settings, and builds read `COLDBREW_COMMIT`.
                let known = settings.contains(setting) || ["COLDBREW_CONFIG", "COLDBREW_COMMIT"].contains(&setting);
                assert!(known, "{document}: {variable} is no setting");
            }
        }
    }
}

#[test]
fn metrics_in_documents_exist() {
    let code: String = sources().into_iter().map(|(_, code)| code).collect();
    for prefix in ["coldbrew_", "gemini_"] {
        for metric in words(&read("docs/OPERATIONS.md"), prefix) {
            // Prometheus names the buckets of a histogram so.
            let metric = metric.strip_suffix("_bucket").unwrap_or(&metric);
            assert!(code.contains(&format!("\"{metric}\"")), "no code writes the metric {metric}");
        }
    }
}
