//! What the papers for operators name is there: settings and figures.

use std::collections::BTreeSet;
use std::path::Path;

use crate::rules::sources;

const PAPERS: [&str; 5] =
    ["docs/OPERATIONS.md", "README.md", "deploy/Dockerfile", "deploy/compose.yaml", "deploy/coldbrew.service"];

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The words of a text that begin so.
fn words(text: &str, beginning: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with(beginning)).map(str::to_owned).collect()
}

#[test]
fn every_variable_is_a_setting() {
    let settings = read("Leptos.toml");
    for paper in PAPERS {
        let text = read(paper);
        for beginning in ["COLDBREW_", "LEPTOS_", "GEMINI_", "DATABASE_", "REDIS_", "BLOB_", "AWS_", "OTEL_"] {
            for variable in words(&text, beginning) {
                let setting = variable.strip_suffix("_FILE").unwrap_or(&variable);
                // Where the configuration is cannot stand in it; a name that ends so is the beginning of several.
                let known = settings.contains(setting) || setting == "COLDBREW_CONFIG";
                assert!(known, "{paper}: {variable} is no setting");
            }
        }
    }
}

#[test]
fn every_figure_that_alerts_go_by_is_told() {
    let code: String = sources().into_iter().map(|(_, code)| code).collect();
    for beginning in ["coldbrew_", "gemini_"] {
        for figure in words(&read("docs/OPERATIONS.md"), beginning) {
            // A histogram is told in buckets.
            let figure = figure.strip_suffix("_bucket").unwrap_or(&figure);
            assert!(code.contains(&format!("\"{figure}\"")), "{figure} is told nowhere");
        }
    }
}
