//! What is asked of a model for one page: the same in a line of a batch and in a single call.

use bytes::Bytes;
use serde::{Serialize, Serializer};

use super::models::{Model, Thinking};

/// A `GenerateContentRequest` of one turn.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    #[serde(rename = "contents", serialize_with = "one_user_turn")]
    pub parts: Vec<Part>,
    #[serde(serialize_with = "instruction", skip_serializing_if = "Option::is_none")]
    pub system_instruction: Option<String>,
    pub generation_config: GenerationConfig,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub safety_settings: Vec<SafetySetting>,
}

/// A piece of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text(String),
    /// A page or an image, sent with the request.
    Inline {
        mime_type: String,
        data: Bytes,
    },
}

/// How to answer. What is `None` is left to the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GenerationConfig {
    /// Leave out for models that ignore it: see [`Model::sampling`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Thoughts count too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_resolution: Option<MediaResolution>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_config: Option<ThinkingConfig>,
}

/// How closely pages and images are looked at. On Gemini 3 a page costs at most 280, 560 or 1,120 tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum MediaResolution {
    #[serde(rename = "MEDIA_RESOLUTION_LOW")]
    Low,
    #[serde(rename = "MEDIA_RESOLUTION_MEDIUM")]
    Medium,
    #[serde(rename = "MEDIA_RESOLUTION_HIGH")]
    High,
}

/// How much to think: by level or, for Gemini 2.5, in tokens (0: not at all, -1: as the model likes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ThinkingConfig {
    #[serde(rename = "thinkingLevel")]
    Level(ThinkingLevel),
    #[serde(rename = "thinkingBudget")]
    Budget(i32),
}

/// See [`Model::thinking`] for what a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ThinkingLevel {
    Minimal,
    Low,
    Medium,
    High,
}

/// What to block, as Google spells it: `HARM_CATEGORY_…` and `BLOCK_…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SafetySetting {
    pub category: &'static str,
    pub threshold: &'static str,
}

/// Why a model would refuse a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    #[error("{model} does not take thinking level {level:?}")]
    ThinkingLevel { model: String, level: ThinkingLevel },
    #[error("{model} is told how much to think by {expected}")]
    ThinkingKind { model: String, expected: &'static str },
    #[error("{model} writes at most {max} tokens")]
    OutputTokens { model: String, max: u32 },
    #[error("a request needs at least one part")]
    Empty,
}

impl ThinkingLevel {
    /// As Google spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minimal => "MINIMAL",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }
}

impl SafetySetting {
    /// Nothing is blocked that Google lets one unblock: a transcript must not lose pages to their subject.
    pub const BLOCK_NONE: [Self; 4] = [
        Self { category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" },
        Self { category: "HARM_CATEGORY_HATE_SPEECH", threshold: "BLOCK_NONE" },
        Self { category: "HARM_CATEGORY_SEXUALLY_EXPLICIT", threshold: "BLOCK_NONE" },
        Self { category: "HARM_CATEGORY_DANGEROUS_CONTENT", threshold: "BLOCK_NONE" },
    ];
}

impl Request {
    /// A page or an image, and what to do with it.
    pub fn page(mime_type: impl Into<String>, data: Bytes, prompt: impl Into<String>) -> Self {
        let parts = vec![Part::Inline { mime_type: mime_type.into(), data }, Part::Text(prompt.into())];
        Self { parts, ..Self::default() }
    }

    /// Whether `model` takes it, as strictly as Google decides.
    pub fn check(&self, model: &Model) -> Result<(), RequestFault> {
        let name = || model.id.clone();
        if self.parts.is_empty() {
            return Err(RequestFault::Empty);
        }
        let max = model.output_tokens_max;
        if self.generation_config.max_output_tokens.is_some_and(|tokens| tokens > max || tokens == 0) {
            return Err(RequestFault::OutputTokens { model: name(), max });
        }
        match (self.generation_config.thinking_config, model.thinking) {
            (Some(ThinkingConfig::Level(level)), Thinking::Levels(levels)) if !levels.contains(&level) => {
                Err(RequestFault::ThinkingLevel { model: name(), level })
            }
            (Some(ThinkingConfig::Level(_)), Thinking::Budget) => {
                Err(RequestFault::ThinkingKind { model: name(), expected: "thinkingBudget" })
            }
            (Some(ThinkingConfig::Budget(_)), Thinking::Levels(_)) => {
                Err(RequestFault::ThinkingKind { model: name(), expected: "thinkingLevel" })
            }
            _ => Ok(()),
        }
    }
}

fn one_user_turn<S: Serializer>(parts: &[Part], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Turn<'a> {
        role: &'static str,
        parts: &'a [Part],
    }
    [Turn { role: "user", parts }].serialize(serializer)
}

fn instruction<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Text<'a> {
        text: &'a str,
    }
    #[derive(Serialize)]
    struct Content<'a> {
        parts: [Text<'a>; 1],
    }
    Content { parts: [Text { text: text.as_deref().unwrap_or_default() }] }.serialize(serializer)
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        enum Wire<'a> {
            Text(&'a str),
            InlineData(Blob<'a>),
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Blob<'a> {
            mime_type: &'a str,
            #[serde(serialize_with = "base64")]
            data: &'a Bytes,
        }
        match self {
            Self::Text(text) => Wire::Text(text),
            Self::Inline { mime_type, data } => Wire::InlineData(Blob { mime_type, data }),
        }
        .serialize(serializer)
    }
}

fn base64<S: Serializer>(data: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    use base64::Engine;
    serializer.serialize_str(&base64::engine::general_purpose::STANDARD.encode(data))
}
