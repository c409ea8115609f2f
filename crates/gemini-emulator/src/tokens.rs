//! Counts the tokens of requests and answers: one for four characters of text; pages and images by resolution.

use serde_json::{Value, json};

use super::answer::{parts, thinking};
use super::media::Document;
use coldbrew_gemini::models::Model;
use coldbrew_gemini::{ThinkingLevel, lenient};

pub(crate) const CHARS_PER_TOKEN: u64 = 4;

/// The tokens of a prompt by modality. Gemini 3 counts PDF pages as images
/// (<https://ai.google.dev/gemini-api/docs/media-resolution>, read 2026-11-30).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PromptTokens {
    pub text: u64,
    pub image: u64,
}

impl PromptTokens {
    pub(crate) const fn total(self) -> u64 {
        self.text + self.image
    }

    /// `promptTokensDetails`.
    pub(crate) fn details(self) -> Value {
        let modalities = [("TEXT", self.text), ("IMAGE", self.image)];
        let there = modalities.iter().filter(|(_, count)| *count > 0);
        there.map(|(modality, count)| json!({"modality": modality, "tokenCount": count})).collect()
    }
}

pub(crate) fn of_text(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(CHARS_PER_TOKEN)
}

/// The tokens of a prompt with these documents. A document that was not read counts as one page.
pub(crate) fn of_prompt(request: &Value, documents: &[Document], model: &Model) -> PromptTokens {
    let config = lenient::member(request, "generationConfig");
    let general = config.and_then(|config| lenient::string(config, "mediaResolution"));
    let mut documents = documents.iter();
    let mut tokens = PromptTokens::default();
    for part in parts(request) {
        if let Some(text) = lenient::string(part, "text") {
            tokens.text += of_text(&text);
        }
        let media = lenient::member(part, "inlineData").or_else(|| lenient::member(part, "fileData"));
        let Some(media) = media else { continue };
        let own = lenient::member(part, "mediaResolution").and_then(|own| lenient::string(own, "level"));
        let resolution = own.or_else(|| general.clone()).unwrap_or_default();
        match documents.next() {
            Some(text) if text.mime_type.starts_with("text/") => {
                tokens.text += text.pages.iter().map(|page| of_text(page)).sum::<u64>();
            }
            Some(document) => {
                tokens.image += document.pages.len() as u64 * of_page(&resolution, &document.mime_type, model);
            }
            None => {
                let mime_type = lenient::string(media, "mimeType").unwrap_or_default();
                tokens.image += of_page(&resolution, &mime_type, model);
            }
        }
    }
    tokens
}

fn of_page(resolution: &str, mime_type: &str, model: &Model) -> u64 {
    let Some(media) = model.media else { return 0 };
    let is_pdf = mime_type == "application/pdf";
    let tokens = match (resolution.strip_prefix("MEDIA_RESOLUTION_").unwrap_or_default(), is_pdf) {
        ("LOW", _) => media.low,
        ("MEDIUM", _) => media.medium,
        ("ULTRA_HIGH", false) => media.ultra_high,
        ("HIGH" | "ULTRA_HIGH", _) => media.high,
        (_, true) => media.page,
        (_, false) => media.image,
    };
    u64::from(tokens)
}

/// The tokens of the thoughts before an answer.
pub(crate) fn of_thoughts(request: &Value, answer_tokens: u64, model: &Model) -> u64 {
    let config = thinking(request);
    if config.and_then(|config| lenient::integer(config, "thinkingBudget")) == Some(0) {
        return 0;
    }
    let level = config.and_then(|config| lenient::string(config, "thinkingLevel"));
    match level.as_deref().or_else(|| model.default_level.map(ThinkingLevel::name)) {
        Some("MINIMAL") => 0,
        Some("LOW") => 40 + answer_tokens / 16,
        Some("HIGH" | "XHIGH") => 400 + answer_tokens / 2,
        _ => 120 + answer_tokens / 8,
    }
}
