//! The request for one page, the same in a line of a batch and in a single call.
//!
//! The fields are described in `docs/GEMINI.md`, "Input lines" and "Generation parameters".

use bytes::Bytes;
use serde::{Serialize, Serializer};

use super::models::{Model, Thinking};

/// The largest PDF that a request may contain, in bytes (<https://ai.google.dev/gemini-api/docs/files>, read 2026-09-01).
pub const PDF_BYTES_MAX: usize = 50_000_000;
/// The most bytes of inline data in one request (<https://ai.google.dev/gemini-api/docs/files>, read 2026-09-01).
pub const INLINE_BYTES_MAX: usize = 100_000_000;

/// A `GenerateContentRequest` with one turn of the user.
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
    #[serde(skip_serializing_if = "Store::is_left_out")]
    pub store: Store,
}

/// Whether Google may keep a request and its answer in the logs of the project.
///
/// Projects that were created since 2026-10-26 keep both unless a request says otherwise
/// (<https://ai.google.dev/gemini-api/docs/changelog>, read 2026-11-30).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Store {
    /// No: `"store": false`.
    #[default]
    Never,
    /// As the project is set. Only for an endpoint that does not know the field.
    AsProject,
}

impl Store {
    // serde passes a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_left_out(&self) -> bool {
        *self == Self::AsProject
    }
}

impl Serialize for Store {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(false)
    }
}

/// The tier of service of a single call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceTier {
    #[default]
    Standard,
    /// Half price, within 1 to 15 min, and refused while there is no capacity
    /// (<https://ai.google.dev/gemini-api/docs/flex-inference>, read 2026-11-30).
    Flex,
    /// 1.75 to 2 times the price. The client never asks for it.
    Priority,
}

impl ServiceTier {
    /// The value of `serviceTier`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Flex => "flex",
            Self::Priority => "priority",
        }
    }

    /// The tier of this name, in any case. `None` for an unknown name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Standard, Self::Flex, Self::Priority].into_iter().find(|tier| tier.name().eq_ignore_ascii_case(name))
    }
}

/// One part of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text(String),
    /// A page or an image, sent as base64 in the request.
    Inline {
        mime_type: String,
        data: Bytes,
    },
}

/// The parameters of the answer. The model chooses each that is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GenerationConfig {
    /// 0 to 2, only for models with [`Model::sampling`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The limit for thoughts and text together, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_resolution: Option<MediaResolution>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_config: Option<ThinkingConfig>,
}

/// The resolution at which a model reads pages and images. [`Model::media`] has its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum MediaResolution {
    #[serde(rename = "MEDIA_RESOLUTION_LOW")]
    Low,
    #[serde(rename = "MEDIA_RESOLUTION_MEDIUM")]
    Medium,
    #[serde(rename = "MEDIA_RESOLUTION_HIGH")]
    High,
}

/// The amount of thinking: a level, or tokens for Gemini 2.5. A budget of 0 switches thinking off, -1 leaves it to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ThinkingConfig {
    #[serde(rename = "thinkingLevel")]
    Level(ThinkingLevel),
    #[serde(rename = "thinkingBudget")]
    Budget(i32),
}

/// A thinking level. [`Model::thinking`] has the levels that a model accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ThinkingLevel {
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
}

/// A threshold for one category of harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SafetySetting {
    /// `HARM_CATEGORY_…`.
    pub category: &'static str,
    /// `BLOCK_…`.
    pub threshold: &'static str,
}

/// Why a model would refuse a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("{model} does not accept thinking level {level:?}")]
    ThinkingLevel { model: String, level: ThinkingLevel },
    #[error("{model} accepts only {expected} for the amount of thinking")]
    ThinkingKind { model: String, expected: &'static str },
    #[error("{model} writes at most {max} tokens")]
    OutputTokens { model: String, max: u32 },
    #[error("{model} accepts no media resolution")]
    MediaResolution { model: String },
    #[error("the temperature must be between 0 and 2")]
    Temperature,
    #[error("{model} accepts no temperature")]
    Sampling { model: String },
    #[error("{mime_type:?} is no media type")]
    MimeType { mime_type: String },
    #[error("a request needs at least one part, and none may be empty")]
    Empty,
    /// Inline data beyond [`PDF_BYTES_MAX`] or [`INLINE_BYTES_MAX`]. Make it smaller, or upload it as a file.
    #[error("the request has {bytes} bytes of data; Google accepts at most {max}")]
    TooLarge { bytes: usize, max: usize },
}

impl ThinkingLevel {
    /// The value of `thinkingLevel`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minimal => "MINIMAL",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Xhigh => "XHIGH",
        }
    }
}

impl SafetySetting {
    /// Blocks nothing in the four categories that can be switched off. A transcript must not lose pages because of their subject.
    pub const BLOCK_NONE: [Self; 4] = [
        Self { category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" },
        Self { category: "HARM_CATEGORY_HATE_SPEECH", threshold: "BLOCK_NONE" },
        Self { category: "HARM_CATEGORY_SEXUALLY_EXPLICIT", threshold: "BLOCK_NONE" },
        Self { category: "HARM_CATEGORY_DANGEROUS_CONTENT", threshold: "BLOCK_NONE" },
    ];
}

impl Request {
    /// A request with one page or image, followed by a prompt.
    pub fn page(mime_type: impl Into<String>, data: Bytes, prompt: impl Into<String>) -> Self {
        let parts = vec![Part::Inline { mime_type: mime_type.into(), data }, Part::Text(prompt.into())];
        Self { parts, ..Self::default() }
    }

    /// Checks the request against the limits of `model`.
    ///
    /// # Errors
    /// The first [`RequestError`] that is found.
    pub fn check(&self, model: &Model) -> Result<(), RequestError> {
        self.check_parts()?;
        let name = || model.id.clone();
        let config = &self.generation_config;
        let max = model.output_tokens_max;
        if config.max_output_tokens.is_some_and(|tokens| tokens > max || tokens == 0) {
            return Err(RequestError::OutputTokens { model: name(), max });
        }
        if config.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
            return Err(RequestError::Temperature);
        }
        if config.temperature.is_some() && !model.sampling {
            return Err(RequestError::Sampling { model: name() });
        }
        if config.media_resolution.is_some() && model.media.is_none() {
            return Err(RequestError::MediaResolution { model: name() });
        }
        match (config.thinking_config, model.thinking) {
            (Some(ThinkingConfig::Level(level)), Thinking::Levels(levels)) if !levels.contains(&level) => {
                Err(RequestError::ThinkingLevel { model: name(), level })
            }
            (Some(ThinkingConfig::Level(_)), Thinking::Budget) => {
                Err(RequestError::ThinkingKind { model: name(), expected: "thinkingBudget" })
            }
            (Some(ThinkingConfig::Budget(_)), Thinking::Levels(_)) => {
                Err(RequestError::ThinkingKind { model: name(), expected: "thinkingLevel" })
            }
            _ => Ok(()),
        }
    }

    fn check_parts(&self) -> Result<(), RequestError> {
        let mut inline_bytes = 0;
        for part in &self.parts {
            let Part::Inline { mime_type, data } = part else { continue };
            if data.is_empty() {
                return Err(RequestError::Empty);
            }
            if !is_mime_type(mime_type) {
                return Err(RequestError::MimeType { mime_type: mime_type.clone() });
            }
            if mime_type == "application/pdf" && data.len() > PDF_BYTES_MAX {
                return Err(RequestError::TooLarge { bytes: data.len(), max: PDF_BYTES_MAX });
            }
            inline_bytes += data.len();
        }
        match inline_bytes {
            _ if self.parts.is_empty() => Err(RequestError::Empty),
            bytes if bytes > INLINE_BYTES_MAX => Err(RequestError::TooLarge { bytes, max: INLINE_BYTES_MAX }),
            _ => Ok(()),
        }
    }
}

/// `type/subtype`, without parameters.
fn is_mime_type(text: &str) -> bool {
    let token = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'+' | b'_');
        !text.is_empty() && text.bytes().all(plain)
    };
    text.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
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
