//! What a model answered, in a result line or to a single call.

use serde_json::Value;

use super::lenient;

/// A `GenerateContentResponse` in parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// All visible text of the first candidate; its thoughts are left out.
    pub text: String,
    /// `STOP`, `MAX_TOKENS`, `SAFETY` and so on.
    pub finish_reason: Option<String>,
    /// Why the prompt was not even answered.
    pub block_reason: Option<String>,
    pub usage: Usage,
    /// Which model really answered.
    pub model_version: Option<String>,
    pub response_id: Option<String>,
    pub raw: Value,
}

/// Token counts; missing ones are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Cached ones included.
    pub prompt_tokens: u64,
    pub cached_tokens: u64,
    /// Without thoughts.
    pub candidates_tokens: u64,
    pub thoughts_tokens: u64,
    pub tool_use_tokens: u64,
    pub total_tokens: u64,
}

impl Answer {
    /// Reads a response. Never fails: what is missing stays empty.
    pub fn read(raw: Value) -> Self {
        let empty = Value::Null;
        let candidates = lenient::member(&raw, "candidates").and_then(Value::as_array);
        let candidate = candidates.and_then(|list| list.first()).unwrap_or(&empty);
        let feedback = lenient::member(&raw, "promptFeedback").unwrap_or(&empty);
        Self {
            text: visible_text(candidate),
            finish_reason: lenient::string(candidate, "finishReason"),
            block_reason: lenient::string(feedback, "blockReason"),
            usage: Usage::read(lenient::member(&raw, "usageMetadata").unwrap_or(&empty)),
            model_version: lenient::string(&raw, "modelVersion"),
            response_id: lenient::string(&raw, "responseId"),
            raw,
        }
    }
}

impl Usage {
    fn read(object: &Value) -> Self {
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
