//! Checks the values of a request against the limits of its model, and refuses with Google's messages.
//!
//! A single call is answered with the error. In a batch it is the error of the row. An unknown field is another case: it fails the
//! whole create (see `schema`).

use serde_json::Value;

use super::reply::ApiError;
use coldbrew_gemini::lenient;
use coldbrew_gemini::models::{Model, Thinking};

pub(crate) fn check(request: &Value, model: &Model) -> Result<(), ApiError> {
    check_contents(request)?;
    let Some(config) = lenient::member(request, "generationConfig") else { return Ok(()) };
    check_numbers(config, model)?;
    check_answer_type(config)?;
    check_thinking(config, model)
}

/// Whether the request forbids that it is stored.
pub(crate) fn is_protected(request: &Value) -> bool {
    lenient::member(request, "store") == Some(&Value::Bool(false))
}

fn check_contents(request: &Value) -> Result<(), ApiError> {
    let contents = lenient::member(request, "contents").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if contents.is_empty() {
        return Err(ApiError::invalid("* GenerateContentRequest.contents: contents is not specified\n"));
    }
    for (index, content) in contents.iter().enumerate() {
        let at = format!("* GenerateContentRequest.contents[{index}].parts");
        let parts = lenient::member(content, "parts").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if parts.is_empty() {
            return Err(ApiError::invalid(format!("{at}: contents.parts must not be empty.\n")));
        }
        let is_empty = |part: &Value| part.as_object().is_none_or(serde_json::Map::is_empty);
        if let Some(part) = parts.iter().position(is_empty) {
            return Err(ApiError::invalid(format!(
                "{at}[{part}].data: required oneof field 'data' must have one initialized field\n"
            )));
        }
        let role = lenient::string(content, "role").unwrap_or_else(|| "user".into());
        if !["user", "model", "function"].contains(&role.as_str()) {
            return Err(ApiError::invalid("Please use a valid role: user, model."));
        }
    }
    let is_set = |name| lenient::member(request, name).is_some();
    if is_set("cachedContent") && ["systemInstruction", "tools", "toolConfig"].into_iter().any(is_set) {
        return Err(ApiError::invalid(
            "CachedContent can not be used with GenerateContent request setting system_instruction, tools or tool_config.",
        ));
    }
    Ok(())
}

fn check_numbers(config: &Value, model: &Model) -> Result<(), ApiError> {
    let out_of_range = |field: &str, range: String| {
        Err(ApiError::invalid(format!(
            "* GenerateContentRequest.generation_config.{field}: {field} must be in the range {range}.\n"
        )))
    };
    let number = |name| {
        let value = lenient::member(config, name)?;
        value.as_f64().or_else(|| value.as_str()?.parse().ok())
    };
    for (name, field, max) in [("temperature", "temperature", 2.0), ("topP", "top_p", 1.0)] {
        if number(name).is_some_and(|value| !(0.0..=max).contains(&value)) {
            return out_of_range(field, format!("[0.0, {max:.1}]"));
        }
    }
    let max = model.output_tokens_max;
    if lenient::integer(config, "maxOutputTokens").is_some_and(|tokens| !(1..=i64::from(max)).contains(&tokens)) {
        return out_of_range("max_output_tokens", format!("[1, {max}]"));
    }
    Ok(())
}

fn check_answer_type(config: &Value) -> Result<(), ApiError> {
    const KNOWN: [&str; 5] = ["text/plain", "application/json", "application/xml", "application/yaml", "text/x.enum"];
    match lenient::string(config, "responseMimeType") {
        Some(mime_type) if !KNOWN.contains(&mime_type.as_str()) => Err(ApiError::invalid(format!(
            "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are `{}`.\n",
            KNOWN.join("`, `")
        ))),
        _ => Ok(()),
    }
}

fn check_thinking(config: &Value, model: &Model) -> Result<(), ApiError> {
    let thinking = lenient::member(config, "thinkingConfig");
    let level = thinking.and_then(|config| lenient::string(config, "thinkingLevel"));
    let budget = thinking.and_then(|config| lenient::integer(config, "thinkingBudget"));
    match (level, model.thinking) {
        (Some(_), _) if budget.is_some() => {
            Err(ApiError::invalid("You can only set only one of thinking budget and thinking level."))
        }
        (Some(_), Thinking::Budget) => Err(ApiError::invalid("Thinking level is not supported for this model.")),
        (Some(level), Thinking::Levels(levels)) if !levels.iter().any(|known| known.name() == level) => {
            Err(ApiError::invalid(format!("Thinking level {level} is not supported for this model.")))
        }
        _ => Ok(()),
    }
}

/// Refuses a prompt with more tokens than the model accepts.
pub(crate) fn check_length(tokens: u64, model: &Model) -> Result<(), ApiError> {
    let max = model.input_tokens_max;
    if tokens <= u64::from(max) {
        return Ok(());
    }
    Err(ApiError::invalid(format!("The input token count exceeds the maximum number of tokens allowed {max}.")))
}
