//! Turns a request into a response: reads its pages and answers with their text as Markdown.

use serde_json::{Value, json};

use super::content::PageRequest;
use super::emulator::{Inner, random_id};
use super::faults::Fault;
use super::reply::ApiError;
use super::tokens::PromptTokens;
use super::{figures, media, rows, sample, tokens, validate};
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
    let page = texts.join("\n\n");
    let text = if texts.is_empty() {
        format!("This is the emulator of Gemini. It read {} characters.", prompt.chars().count())
    } else {
        let asked = PageRequest { request, model, prompt: &prompt, page: &page };
        let Some(text) = asked.answer(emulator, figures::place(&page, &prompt)) else {
            let mut refused = response(request, model, prompt_tokens, String::new());
            rows::apply_fault(&mut refused, Fault::RowRecitation);
            return Ok(refused);
        };
        text
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

/// The text parts of a request.
pub(crate) fn prompt(request: &Value) -> String {
    let texts: Vec<String> = parts(request).filter_map(|part| lenient::string(part, "text")).collect();
    texts.join("\n")
}

fn response(request: &Value, model: &Model, prompt: PromptTokens, text: String) -> Value {
    let thoughts = tokens::of_thoughts(request, tokens::of_text(&text), model);
    let (text, finish_reason) = cut(request, model, text, thoughts);
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
    let shows_thoughts =
        thinking(request).and_then(|config| lenient::member(config, "includeThoughts")) == Some(&Value::Bool(true));
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

/// `thinkingConfig`.
pub(crate) fn thinking(request: &Value) -> Option<&Value> {
    lenient::member(lenient::member(request, "generationConfig")?, "thinkingConfig")
}

/// The limit of an answer in characters, if it had no thoughts.
pub(crate) fn chars_max(request: &Value, model: &Model) -> usize {
    usize::try_from(tokens_max(request, model) * tokens::CHARS_PER_TOKEN).unwrap_or(usize::MAX)
}

/// `maxOutputTokens`, or the limit of the model.
fn tokens_max(request: &Value, model: &Model) -> u64 {
    let config = lenient::member(request, "generationConfig");
    let max = config.and_then(|config| lenient::integer(config, "maxOutputTokens"));
    max.and_then(|max| u64::try_from(max).ok()).unwrap_or_else(|| model.output_tokens_max.into())
}

/// Cuts the text at `maxOutputTokens`. Thoughts count before the text.
fn cut(request: &Value, model: &Model, text: String, thoughts: u64) -> (String, &'static str) {
    let max = tokens_max(request, model);
    if thoughts + tokens::of_text(&text) <= max {
        return (text, "STOP");
    }
    let chars = usize::try_from(max.saturating_sub(thoughts) * tokens::CHARS_PER_TOKEN).unwrap_or(usize::MAX);
    (text.chars().take(chars).collect(), "MAX_TOKENS")
}
