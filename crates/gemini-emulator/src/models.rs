//! The handlers for models: get and list, from the table of the client.

use axum::extract::{Path, State};
use axum::response::Response;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::caller::Caller;
use super::emulator::{Emulator, Inner};
use super::reply::{ApiError, RpcCode, ok};
use coldbrew_gemini::models::{self, ALIASES, Model, Thinking};

/// Finds the model `id`. `version` and `method` are for the error. Aliases are found under `v1beta` only, a model until its shutdown.
pub(crate) fn find(emulator: &Inner, version: &str, id: &str, method: &str) -> Result<Model, ApiError> {
    let is_alias = ALIASES.iter().any(|(alias, _)| *alias == id);
    let known = models::all().any(|model| model.id == id) || (is_alias && version == "v1beta");
    let model = models::model(id);
    if known && is_served(&model, emulator.today()) {
        return Ok(model);
    }
    let advice = "Call ListModels to see the list of available models and their supported methods.";
    let message =
        format!("models/{id} is not found for API version {version}, or is not supported for {method}. {advice}");
    Err(ApiError::new(RpcCode::NotFound, message))
}

fn is_served(model: &Model, today: Date) -> bool {
    model.shutdown.is_none_or(|day| today < day)
}

pub(crate) async fn get(
    State(emulator): State<Emulator>,
    Path((_, id)): Path<(String, String)>,
    caller: Caller,
) -> Result<Response, ApiError> {
    find(&emulator, &caller.version, &id, "GetModel").map(|model| ok(show(&model)))
}

pub(crate) async fn list(State(emulator): State<Emulator>, caller: Caller) -> Result<Response, ApiError> {
    emulator.count("list_models");
    let today = emulator.today();
    let all: Vec<Model> = models::all().filter(|model| is_served(model, today)).collect();
    let page = super::files::page(all, |model| model.id.clone(), caller.page_size(50, 1_000)?, &caller)?;
    let shown = page.items.iter().map(show).collect();
    Ok(ok(page.wrap("models", shown)))
}

fn show(model: &Model) -> Value {
    let mut shown = json!({
        "name": format!("models/{}", model.id),
        "version": "001",
        "displayName": display_name(&model.id),
        "description": "An emulated model, which reads the text of a page.",
        "inputTokenLimit": model.input_tokens_max,
        "outputTokenLimit": model.output_tokens_max,
        "supportedGenerationMethods": ["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"],
    });
    if model.sampling {
        shown["temperature"] = json!(1);
        shown["topP"] = json!(0.95);
        shown["topK"] = json!(64);
        shown["maxTemperature"] = json!(2);
    }
    if model.thinking != Thinking::Unknown {
        shown["thinking"] = json!(true);
    }
    shown
}

/// Converts an id to a display name: `gemini-3.8-flash` becomes `Gemini 3.8 Flash`.
fn display_name(id: &str) -> String {
    let words = id.split('-').map(|word| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
    });
    words.collect::<Vec<_>>().join(" ")
}
