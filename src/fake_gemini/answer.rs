//! From a request to a response: reads what is sent with it and answers with its text as Markdown.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value, json};

use super::emulator::{Inner, random_id};
use super::reader::ReadError;
use super::reply::{Failure, Rpc};
use super::{figures, files, sample, tokens};
use crate::gemini::lenient;
use crate::gemini::models::{Model, Thinking};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The response to a request of `project`.
pub async fn respond(emulator: &Inner, project: &str, model: &Model, request: &Value) -> Result<Value, Failure> {
    check(request, model)?;
    let prompt = prompt(request);
    let mut documents = Vec::new();
    for part in parts(request) {
        if let Some((mime_type, bytes)) = media(emulator, project, part).await? {
            documents.push(read(emulator, &mime_type, &bytes).await?);
        }
    }
    let text = match documents.as_slice() {
        [] => format!("This is the stand-in for Gemini. It read {} characters.", prompt.chars().count()),
        documents => figures::place(&documents.join("\n\n"), &prompt),
    };
    let config = lenient::member(request, "generationConfig");
    let wants_json =
        config.and_then(|config| lenient::string(config, "responseMimeType")).as_deref() == Some("application/json");
    let schema = config.and_then(|config| {
        lenient::member(config, "responseSchema").or_else(|| lenient::member(config, "responseJsonSchema"))
    });
    let text = if wants_json { sample::json_answer(schema, &text) } else { text };
    Ok(response(request, model, text))
}

/// What a model does not take, as the service says it.
fn check(request: &Value, model: &Model) -> Result<(), Failure> {
    if lenient::member(request, "contents").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        return Err(Failure::invalid("* GenerateContentRequest.contents: contents is not specified\n"));
    }
    let config =
        lenient::member(request, "generationConfig").and_then(|config| lenient::member(config, "thinkingConfig"));
    let level = config.and_then(|config| lenient::string(config, "thinkingLevel"));
    let budget = config.and_then(|config| lenient::integer(config, "thinkingBudget"));
    match (level, model.thinking) {
        (Some(_), _) if budget.is_some() => {
            Err(Failure::invalid("You can only set only one of thinking budget and thinking level."))
        }
        (Some(_), Thinking::Budget) => Err(Failure::invalid("Thinking level is not supported for this model.")),
        (Some(level), Thinking::Levels(levels)) if !levels.iter().any(|known| known.name() == level) => {
            Err(Failure::invalid(format!("Thinking level {level} is not supported for this model.")))
        }
        _ => Ok(()),
    }
}

/// All parts of a request, the system instruction's first.
pub fn parts(request: &Value) -> impl Iterator<Item = &Value> {
    let contents = lenient::member(request, "contents").and_then(Value::as_array);
    let all = lenient::member(request, "systemInstruction").into_iter().chain(contents.into_iter().flatten());
    all.filter_map(|content| lenient::member(content, "parts")?.as_array()).flatten()
}

fn prompt(request: &Value) -> String {
    let texts: Vec<String> = parts(request).filter_map(|part| lenient::string(part, "text")).collect();
    texts.join("\n")
}

/// The bytes that are sent with a part, or that it refers to.
async fn media(emulator: &Inner, project: &str, part: &Value) -> Result<Option<(String, Vec<u8>)>, Failure> {
    if let Some(blob) = lenient::member(part, "inlineData") {
        let data = lenient::string(blob, "data").unwrap_or_default().replace('-', "+").replace('_', "/");
        let bytes = LENIENT.decode(data).map_err(|_| Failure::invalid("Base64 decoding failed."))?;
        return Ok(Some((lenient::string(blob, "mimeType").unwrap_or_default(), bytes)));
    }
    let Some(uri) = lenient::member(part, "fileData").and_then(|file| lenient::string(file, "fileUri")) else {
        return Ok(None);
    };
    let id = uri.rsplit('/').next().unwrap_or_default();
    let file = files::find(emulator, project, id)?;
    let bytes = tokio::fs::read(emulator.files.path(id, "bin")).await?;
    Ok(Some((file.mime_type, bytes)))
}

async fn read(emulator: &Inner, mime_type: &str, bytes: &[u8]) -> Result<String, Failure> {
    if mime_type.starts_with("text/") {
        return Ok(String::from_utf8_lossy(bytes).into_owned());
    }
    emulator.reader.read(mime_type, bytes).await.map_err(|error| match error {
        ReadError::Unreadable => Failure::invalid("Unable to process input image. Please retry or report the issue."),
        ReadError::Unavailable => Failure::new(Rpc::Unavailable, "The model is overloaded. Please try again later."),
    })
}

fn response(request: &Value, model: &Model, text: String) -> Value {
    let prompt = tokens::of_prompt(request, model);
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

/// The text as far as the output limit goes; thoughts count first.
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
