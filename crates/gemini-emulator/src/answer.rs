//! Turns a request into a response: reads its pages and answers with their text as Markdown.

use serde_json::{Value, json};

use super::emulator::{Inner, random_id};
use super::reply::ApiError;
use super::tokens::PromptTokens;
use super::{figures, media, sample, tokens, validate};
use coldbrew_gemini::lenient;
use coldbrew_gemini::models::Model;

/// Answers a request of `project`.
pub(crate) async fn respond(
    emulator: &Inner,
    project: &str,
    model: &Model,
    request: &Value,
) -> Result<Value, ApiError> {
    validate::check(request, model)?;
    let documents = media::read_all(emulator, project, request).await?;
    let prompt_tokens = tokens::of_prompt(request, &documents, model);
    validate::check_length(prompt_tokens.total(), model)?;
    let prompt = prompt(request);
    let texts: Vec<&str> = documents.iter().flat_map(|document| &document.pages).map(String::as_str).collect();
    let text = match texts.as_slice() {
        [] => format!("This is the emulator of Gemini. It read {} characters.", prompt.chars().count()),
        texts => figures::place(&texts.join("\n\n"), &prompt),
    };
    let config = lenient::member(request, "generationConfig");
    let wants_json =
        config.and_then(|config| lenient::string(config, "responseMimeType")).as_deref() == Some("application/json");
    let schema = config.and_then(|config| {
        lenient::member(config, "responseSchema").or_else(|| lenient::member(config, "responseJsonSchema"))
    });
    let text = if wants_json { sample::json_answer(schema, &text) } else { text };
    Ok(response(request, model, prompt_tokens, text))
}

/// All parts of a request; those of the system instruction come first.
pub(crate) fn parts(request: &Value) -> impl Iterator<Item = &Value> {
    let contents = lenient::member(request, "contents").and_then(Value::as_array);
    let all = lenient::member(request, "systemInstruction").into_iter().chain(contents.into_iter().flatten());
    all.filter_map(|content| lenient::member(content, "parts")?.as_array()).flatten()
}

fn prompt(request: &Value) -> String {
    let texts: Vec<String> = parts(request).filter_map(|part| lenient::string(part, "text")).collect();
    texts.join("\n")
}

fn response(request: &Value, model: &Model, prompt: PromptTokens, text: String) -> Value {
    let thoughts = tokens::of_thoughts(request, tokens::of_text(&text));
    let (text, finish_reason) = cut(request, text, thoughts);
    let candidates = tokens::of_text(&text);
    let mut usage = json!({
        "promptTokenCount": prompt.total(),
        "totalTokenCount": prompt.total() + candidates + thoughts,
        "promptTokensDetails": prompt.details(),
    });
    for (name, count) in [("candidatesTokenCount", candidates), ("thoughtsTokenCount", thoughts)] {
        if count > 0 {
            usage[name] = json!(count);
        }
    }
    let mut content = json!({"role": "model"});
    if !text.is_empty() {
        content["parts"] = answer_parts(request, text, thoughts);
    }
    json!({
        "candidates": [{"content": content, "finishReason": finish_reason, "index": 0}],
        "usageMetadata": usage,
        "modelVersion": model.id,
        "responseId": random_id(22),
    })
}

fn answer_parts(request: &Value, text: String, thoughts: u64) -> Value {
    let config =
        lenient::member(request, "generationConfig").and_then(|config| lenient::member(config, "thinkingConfig"));
    let shows_thoughts =
        config.and_then(|config| lenient::member(config, "includeThoughts")) == Some(&Value::Bool(true));
    let mut parts = Vec::new();
    if shows_thoughts && thoughts > 0 {
        parts.push(json!({"text": "I read the page from top to bottom.", "thought": true}));
    }
    parts.push(json!({"text": text}));
    if thoughts > 0 {
        parts.push(json!({"thoughtSignature": "CiQBjz1rX3Yh"}));
    }
    json!(parts)
}

/// Cuts the text at `maxOutputTokens`. Thoughts count before the text.
fn cut(request: &Value, text: String, thoughts: u64) -> (String, &'static str) {
    let config = lenient::member(request, "generationConfig");
    let max =
        config.and_then(|config| lenient::integer(config, "maxOutputTokens")).and_then(|max| u64::try_from(max).ok());
    match max {
        Some(max) if thoughts + tokens::of_text(&text) > max => {
            let chars = usize::try_from(max.saturating_sub(thoughts) * 4).unwrap_or(usize::MAX);
            (text.chars().take(chars).collect(), "MAX_TOKENS")
        }
        _ => (text, "STOP"),
    }
}
