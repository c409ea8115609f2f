//! The response of a model, the same in a result line and from a single call.
//!
//! The fields are described in `docs/GEMINI.md`, "Result lines" and "Token usage".

use serde_json::Value;

use super::lenient;
use super::request::ServiceTier;

/// A parsed `GenerateContentResponse`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The text of the first candidate, without thoughts. Empty if it has none.
    pub text: String,
    /// Why the first candidate ended: `STOP`, `MAX_TOKENS`, `SAFETY` and others.
    pub finish_reason: Option<String>,
    /// Why the prompt was blocked. Then there is no candidate.
    pub block_reason: Option<String>,
    pub usage: Usage,
    /// The model that answered. It can differ from the requested one.
    pub model_version: Option<String>,
    /// The tier that served a single call, if the answer says so. Its price applies.
    pub service_tier: Option<ServiceTier>,
    pub response_id: Option<String>,
    /// The JSON as it was received.
    pub raw: Value,
}

/// Token counts of one answer. Missing counts are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub prompt_tokens: u64,
    pub cached_tokens: u64,
    /// Tokens of the candidates, without thoughts.
    pub candidates_tokens: u64,
    pub thoughts_tokens: u64,
    pub tool_use_tokens: u64,
    pub total_tokens: u64,
}

impl Answer {
    /// Reads a response and never fails. Missing fields stay empty.
    pub fn from_json(raw: Value) -> Self {
        let empty = Value::Null;
        let candidates = lenient::member(&raw, "candidates").and_then(Value::as_array);
        let candidate = candidates.and_then(|list| list.first()).unwrap_or(&empty);
        let usage = lenient::member(&raw, "usageMetadata").unwrap_or(&empty);
        let feedback = lenient::member(&raw, "promptFeedback").unwrap_or(&empty);
        Self {
            text: visible_text(candidate),
            finish_reason: lenient::string(candidate, "finishReason"),
            block_reason: lenient::string(feedback, "blockReason"),
            usage: Usage::from_json(usage),
            service_tier: lenient::string(usage, "serviceTier").and_then(|name| ServiceTier::named(&name)),
            model_version: lenient::string(&raw, "modelVersion"),
            response_id: lenient::string(&raw, "responseId"),
            raw,
        }
    }
}

impl Usage {
    fn from_json(object: &Value) -> Self {
        Self {
            prompt_tokens: lenient::count(object, "promptTokenCount"),
            cached_tokens: lenient::count(object, "cachedContentTokenCount"),
            candidates_tokens: lenient::count(object, "candidatesTokenCount"),
            thoughts_tokens: lenient::count(object, "thoughtsTokenCount"),
            tool_use_tokens: lenient::count(object, "toolUsePromptTokenCount"),
            total_tokens: lenient::count(object, "totalTokenCount"),
        }
    }
}

fn visible_text(candidate: &Value) -> String {
    let parts = candidate.get("content").and_then(|content| content.get("parts")).and_then(Value::as_array);
    let visible = parts.into_iter().flatten().filter(|part| part.get("thought") != Some(&Value::Bool(true)));
    visible.filter_map(|part| part.get("text")?.as_str()).collect()
}
