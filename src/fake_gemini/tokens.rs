//! How many tokens a request and an answer weigh: four characters of text each, pages and images by resolution.

use serde_json::{Value, json};

use super::answer::parts;
use crate::gemini::lenient;
use crate::gemini::models::{Model, Thinking};

const CHARS_PER_TOKEN: usize = 4;

/// The weight of a prompt. Gemini 3 counts pages as images.
#[derive(Clone, Copy, Debug, Default)]
pub struct PromptTokens {
    pub text: u64,
    pub image: u64,
}

impl PromptTokens {
    pub const fn total(self) -> u64 {
        self.text + self.image
    }

    /// `promptTokensDetails`.
    pub fn details(self) -> Value {
        let modalities = [("TEXT", self.text), ("IMAGE", self.image)];
        let there = modalities.iter().filter(|(_, count)| *count > 0);
        there.map(|(modality, count)| json!({"modality": modality, "tokenCount": count})).collect()
    }
}

pub fn of_text(text: &str) -> u64 {
    text.chars().count().div_ceil(CHARS_PER_TOKEN) as u64
}

pub fn of_prompt(request: &Value, model: &Model) -> PromptTokens {
    let config = lenient::member(request, "generationConfig");
    let general = config.and_then(|config| lenient::string(config, "mediaResolution"));
    let mut tokens = PromptTokens::default();
    for part in parts(request) {
        if let Some(text) = lenient::string(part, "text") {
            tokens.text += of_text(&text);
        }
        let media = lenient::member(part, "inlineData").or_else(|| lenient::member(part, "fileData"));
        if let Some(media) = media {
            let own = lenient::member(part, "mediaResolution").and_then(|own| lenient::string(own, "level"));
            let resolution = own.or_else(|| general.clone()).unwrap_or_default();
            let is_pdf = lenient::string(media, "mimeType").is_some_and(|mime_type| mime_type == "application/pdf");
            tokens.image += of_media(&resolution, is_pdf, model);
        }
    }
    tokens
}

fn of_media(resolution: &str, is_pdf: bool, model: &Model) -> u64 {
    let name = resolution.strip_prefix("MEDIA_RESOLUTION_").unwrap_or_default();
    if model.thinking == Thinking::Budget {
        // Gemini 2.5
        return if name == "LOW" { 64 } else { 258 };
    }
    match (name, is_pdf) {
        ("LOW", _) => 280,
        ("MEDIUM", _) | ("" | "UNSPECIFIED", true) => 560,
        ("ULTRA_HIGH", false) => 2_240,
        _ => 1_120,
    }
}

/// How much was thought before an answer.
pub fn of_thoughts(request: &Value, answer_tokens: u64) -> u64 {
    let config =
        lenient::member(request, "generationConfig").and_then(|config| lenient::member(config, "thinkingConfig"));
    if config.and_then(|config| lenient::integer(config, "thinkingBudget")) == Some(0) {
        return 0;
    }
    let level = config.and_then(|config| lenient::string(config, "thinkingLevel"));
    match level.as_deref() {
        Some("MINIMAL") => 0,
        Some("LOW") => 40 + answer_tokens / 16,
        Some("HIGH" | "XHIGH") => 400 + answer_tokens / 2,
        _ => 120 + answer_tokens / 8,
    }
}
