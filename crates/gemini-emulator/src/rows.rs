//! One request of a batch and its result, with the faults of rows.

use serde_json::{Value, json};

use super::answer;
use super::emulator::Inner;
use super::faults::Fault;
use super::line::{InputLineError, check_line};
use super::reply::ApiError;
use coldbrew_gemini::lenient;
use coldbrew_gemini::models::Model;

/// A line of a batch's input.
pub(crate) struct RowInput {
    /// The member that identifies the result: `key`, or `metadata` of an inline request.
    pub label: Option<(&'static str, Value)>,
    pub request: Value,
}

/// A result line, and whether it has a response.
pub(crate) struct RowResult {
    /// `None`: the line is missing in the output.
    pub line: Option<Value>,
    pub succeeded: bool,
}

impl RowInput {
    /// Parses and checks a line. An inline request was checked at its create.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, InputLineError> {
        if let Ok(mut inline) = serde_json::from_slice::<Value>(bytes)
            && inline.get("key").is_none()
            && inline.get("metadata").is_some()
        {
            let request = inline["request"].take();
            return Ok(Self { label: Some(("metadata", inline["metadata"].take())), request });
        }
        let mut line = check_line(bytes)?;
        let key = lenient::member(&line, "key").cloned();
        Ok(Self { label: key.map(|key| ("key", key)), request: line["request"].take() })
    }
}

impl RowInput {
    fn key(&self) -> &str {
        self.label.as_ref().and_then(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// The faults of answers, in rows and single calls.
const OF_ANSWERS: [Fault; 9] = [
    Fault::RowError,
    Fault::RowBlocked,
    Fault::RowRecitation,
    Fault::RowSafety,
    Fault::RowMaxTokens,
    Fault::RowMaxTokensWithoutText,
    Fault::RowThoughtsOnly,
    Fault::RowManyParts,
    Fault::RowWithoutUsage,
];
/// Those of rows alone.
const OF_LINES: [Fault; 4] = [Fault::RowOtherModel, Fault::RowLong, Fault::RowWithoutResult, Fault::RowMissing];

/// The faults of one row with their amounts, drawn when the row is read.
pub(crate) struct RowFaults(Vec<(Fault, u32)>);

impl RowFaults {
    pub(crate) fn of_row(emulator: &Inner, row: &RowInput) -> Self {
        let subject = format!("{}\n{}", row.key(), answer::prompt(&row.request));
        Self::draw(emulator, OF_ANSWERS.into_iter().chain(OF_LINES), &subject)
    }

    /// Those of the answer to a single call.
    pub(crate) fn of_call(emulator: &Inner, request: &Value) -> Self {
        Self::draw(emulator, OF_ANSWERS, &answer::prompt(request))
    }

    fn draw(emulator: &Inner, faults: impl IntoIterator<Item = Fault>, subject: &str) -> Self {
        let draw = |fault| emulator.faults.draw(fault, subject).map(|amount| (fault, amount));
        Self(faults.into_iter().filter_map(draw).collect())
    }

    /// The answer with its faults.
    ///
    /// # Errors
    /// 500 if the fault is an error.
    pub(crate) fn apply(&self, mut answer: Value) -> Result<Value, ApiError> {
        if self.error().is_some() {
            return Err(ApiError::internal());
        }
        self.0.iter().for_each(|(fault, _)| apply_fault(&mut answer, *fault));
        Ok(answer)
    }

    /// Whether the row does not appear in the output.
    pub(crate) fn hides_row(&self) -> bool {
        self.0.iter().any(|(fault, _)| *fault == Fault::RowMissing)
    }

    fn error(&self) -> Option<Value> {
        let (_, code) = self.0.iter().find(|(fault, _)| *fault == Fault::RowError)?;
        let code = if *code == 0 { 13 } else { *code };
        Some(json!({"code": code, "message": ApiError::internal().message}))
    }
}

/// Runs a request and returns its result line.
pub(crate) async fn run(
    emulator: &Inner,
    project: &str,
    model: &Model,
    input: RowInput,
    faults: RowFaults,
) -> RowResult {
    let answered = match faults.error() {
        Some(status) => Err(status),
        None => answer::respond(emulator, project, model, &input.request).await.map_err(|failure| failure.status()),
    };
    let mut line = json!({});
    if let Some((name, value)) = input.label {
        line[name] = value;
    }
    let succeeded = answered.is_ok();
    match answered {
        Ok(mut response) => {
            for (fault, _) in &faults.0 {
                apply_fault(&mut response, *fault);
            }
            if !faults.0.iter().any(|(fault, _)| *fault == Fault::RowWithoutResult) {
                line["response"] = response;
            }
        }
        Err(status) => line["error"] = status,
    }
    RowResult { line: (!faults.hides_row()).then_some(line), succeeded }
}

/// Changes a response as the fault asks.
pub(crate) fn apply_fault(response: &mut Value, fault: Fault) {
    let finished = |reason: &str| json!([{"finishReason": reason, "index": 0}]);
    let parts = |parts: Value, reason: &str| json!([{"content": {"parts": parts, "role": "model"}, "finishReason": reason, "index": 0}]);
    let text = response["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap_or_default().to_owned();
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(index, _)| index);
    match fault {
        Fault::RowBlocked => {
            response["promptFeedback"] = json!({"blockReason": "PROHIBITED_CONTENT"});
            // A blocked prompt has no thoughts and no candidates.
            let prompt = response["usageMetadata"]["promptTokenCount"].take();
            response["usageMetadata"] = json!({"promptTokenCount": prompt, "totalTokenCount": prompt});
            if let Some(response) = response.as_object_mut() {
                response.remove("candidates");
            }
        }
        Fault::RowRecitation => {
            response["candidates"] = finished("RECITATION");
            response["candidates"][0]["citationMetadata"] =
                json!({"citationSources": [{"startIndex": 0, "endIndex": 180, "uri": "https://example.com/"}]});
        }
        Fault::RowSafety => {
            response["candidates"] = finished("SAFETY");
            response["candidates"][0]["safetyRatings"] =
                json!([{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": true}]);
        }
        Fault::RowMaxTokens => response["candidates"] = parts(json!([{"text": &text[..middle]}]), "MAX_TOKENS"),
        Fault::RowMaxTokensWithoutText => {
            response["candidates"] = json!([{"content": {"role": "model"}, "finishReason": "MAX_TOKENS", "index": 0}]);
        }
        Fault::RowThoughtsOnly => {
            let thought = json!([{"text": "Let me see.", "thought": true}, {"thoughtSignature": "CiQBAAAA"}]);
            response["candidates"] = parts(thought, "STOP");
        }
        Fault::RowManyParts => {
            let pieces = json!([
                {"text": "Let me see.", "thought": true},
                {"text": &text[..middle]},
                {"text": &text[middle..]},
                {"thoughtSignature": "CiQBAAAA"},
            ]);
            response["candidates"] = parts(pieces, "STOP");
        }
        Fault::RowWithoutUsage => {
            if let Some(response) = response.as_object_mut() {
                response.remove("usageMetadata");
            }
        }
        Fault::RowOtherModel => response["modelVersion"] = json!("gemini-3.5-flash-lite"),
        Fault::RowLong => {
            let long = format!("{text}\n\n{}", "All work and no play makes Jack a dull boy. ".repeat(30_000));
            response["candidates"] = parts(json!([{"text": long}]), "STOP");
        }
        _ => {}
    }
}
