//! The handler for `models/{model}:{method}`: generate content, stream, count tokens and create a batch.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde_json::{Value, json};

use super::caller::{Caller, read_json, unknown_name};
use super::emulator::Emulator;
use super::faults::Fault;
use super::reply::{ApiError, RpcCode, drop_connection, not_found_page, ok};
use super::rows::RowFaults;
use super::{batches, flex, media, models, quota, schema, tokens, validate};
use coldbrew_gemini::lenient;
use coldbrew_gemini::models::{Model, Models};

pub(crate) async fn call(
    State(emulator): State<Emulator>,
    Path((version, name)): Path<(String, String)>,
    caller: Caller,
    body: Body,
) -> Result<Response, ApiError> {
    let Some((id, method)) = name.rsplit_once(':') else { return Ok(not_found_page().await) };
    let is_list = method == "streamGenerateContent" && caller.query("alt") != Some("sse");
    let answered = answer(&emulator, &version, (id, method), &caller, body).await;
    if is_list { answered.map_err(ApiError::in_a_list) } else { answered }
}

async fn answer(
    emulator: &Emulator,
    version: &str,
    (id, method): (&str, &str),
    caller: &Caller,
    body: Body,
) -> Result<Response, ApiError> {
    let model = models::find(emulator, version, id, method);
    // The model that answers. A batch keeps the requested one.
    let answering = |asked: Model| Models::default().answering(&asked.id, emulator.today());
    match method {
        "batchGenerateContent" => {
            let body = read_json(body, &schema::CREATE_BATCH).await?;
            batches::create(emulator, caller, &model?, &body).await
        }
        "countTokens" => {
            emulator.count("count_tokens");
            let body = read_json(body, &schema::COUNT_TOKENS).await?;
            let (model, request) =
                (answering(model?), lenient::member(&body, "generateContentRequest").unwrap_or(&body));
            let documents = media::read_all(emulator, &caller.project, request).await?;
            let tokens = tokens::of_prompt(request, &documents, &model);
            Ok(ok(json!({"totalTokens": tokens.total(), "promptTokensDetails": tokens.details()})))
        }
        "generateContent" | "streamGenerateContent" => {
            emulator.count("generate_content");
            generate_faults(emulator)?;
            if let Some(ms) = emulator.faults.draw(Fault::GenerateAnswersLate, "") {
                tokio::time::sleep(Duration::from_millis(ms.into())).await;
            }
            let request = read_json(body, &schema::GENERATE_CONTENT).await?;
            check_store(emulator, &request)?;
            let tier = flex::serve(emulator, &request, &super::answer::prompt(&request)).await?;
            let model = answering(model?);
            let answered = super::answer::respond(emulator, &caller.project, &model, &request).await?;
            let mut answered = RowFaults::of_call(emulator, &request).apply(answered)?;
            flex::name_in_usage(&mut answered, tier);
            let mut response = match method {
                "generateContent" => ok(answered),
                _ if caller.query("alt") == Some("sse") => events(answered),
                _ => ok(json!(pieces(answered))),
            };
            flex::name_in_header(&mut response, tier);
            Ok(response)
        }
        _ => Ok(not_found_page().await),
    }
}

/// Counts a request that may be stored. Under the fault, refuses one that names the field.
fn check_store(emulator: &Emulator, request: &Value) -> Result<(), ApiError> {
    if lenient::member(request, "store").is_some() && emulator.faults.happens(Fault::StoreRefused) {
        return Err(unknown_name("store"));
    }
    emulator.unprotected.fetch_add(u64::from(!validate::is_protected(request)), Ordering::Relaxed);
    Ok(())
}

fn generate_faults(emulator: &Emulator) -> Result<(), ApiError> {
    if emulator.faults.happens(Fault::GenerateHangsUp) {
        drop_connection();
    }
    if emulator.faults.happens(Fault::GenerateUnavailable) {
        return Err(ApiError::new(RpcCode::Unavailable, "The model is overloaded. Please try again later."));
    }
    if emulator.faults.happens(Fault::GenerateTimesOut) {
        return Err(ApiError::new(RpcCode::DeadlineExceeded, "The request timed out. Please try again."));
    }
    if let Some(seconds) = emulator.faults.draw(Fault::GenerateRateLimited, "") {
        return Err(quota::per_minute(seconds));
    }
    Ok(())
}

/// Splits a response into the events of a stream. Each has a piece of the text; the last has the finish reason.
fn pieces(mut response: Value) -> Vec<Value> {
    const CHARS: usize = 200;
    let parts = response["candidates"][0]["content"]["parts"].take();
    let text: Vec<char> = parts
        .as_array()
        .into_iter()
        .flatten()
        .filter(|part| part.get("thought").is_none())
        .filter_map(|part| part["text"].as_str())
        .flat_map(str::chars)
        .collect();
    let mut pieces: Vec<Value> = Vec::new();
    for chunk in text.chunks(CHARS) {
        let part = json!([{"text": chunk.iter().collect::<String>()}]);
        let mut piece = response.clone();
        piece["candidates"] = json!([{"content": {"parts": part, "role": "model"}, "index": 0}]);
        pieces.push(piece);
    }
    match pieces.last_mut() {
        Some(last) => last["candidates"][0]["finishReason"] = response["candidates"][0]["finishReason"].take(),
        None => pieces.push(response),
    }
    pieces
}

fn events(response: Value) -> Response {
    let events: String = pieces(response).iter().map(|piece| format!("data: {piece}\r\n\r\n")).collect();
    let mut response = Body::from(events).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}
