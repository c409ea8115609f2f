//! Each form of a result line that `docs/GEMINI.md`, "Result lines", describes, and its parsed fields.
//!
//! The tests of `extract::outcome` in the product show what each form means for a page and its cost.

use serde_json::{Value, json};

use super::result_files::one;
use crate::jsonl::{Outcome, ResultLine};
use crate::{Answer, Status, Usage};

async fn answer(line: &Value) -> Answer {
    match one(&line.to_string()).await.outcome {
        Outcome::Response(answer) => *answer,
        other => panic!("{line}: {other:?}"),
    }
}

async fn status(line: &Value) -> Status {
    match one(&line.to_string()).await.outcome {
        Outcome::Error(status) => status,
        other => panic!("{line}: {other:?}"),
    }
}

#[tokio::test]
async fn result_line_of_a_success_is_parsed_completely() {
    let line = json!({"response": {
        "candidates": [{"content": {"parts": [{"text": "# Page 7\n…"}, {"thoughtSignature": "CiQB…"}], "role": "model"},
            "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 1203, "candidatesTokenCount": 684, "totalTokenCount": 2011, "thoughtsTokenCount": 124,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 83}, {"modality": "IMAGE", "tokenCount": 1120}]},
        "modelVersion": "gemini-3.5-flash", "responseId": "mK5naJf2BcyX1MkP6r2X0Q4"},
        "key": "doc42-p0007"});
    let ResultLine { key, outcome, number } = one(&line.to_string()).await;
    assert_eq!((key.as_deref(), number), (Some("doc42-p0007"), 1));
    let Outcome::Response(answer) = outcome else { panic!("{outcome:?}") };
    assert_eq!((answer.text.as_str(), answer.finish_reason.as_deref()), ("# Page 7\n…", Some("STOP")));
    assert_eq!(answer.model_version.as_deref(), Some("gemini-3.5-flash"));
    assert_eq!(answer.response_id.as_deref(), Some("mK5naJf2BcyX1MkP6r2X0Q4"));
    assert_eq!(answer.raw, line["response"], "the raw JSON is kept");
    let usage = (answer.usage.prompt_tokens, answer.usage.candidates_tokens, answer.usage.thoughts_tokens);
    assert_eq!((usage, answer.usage.total_tokens), ((1_203, 684, 124), 2_011));
}

#[tokio::test]
async fn row_error_under_error_or_status_is_found() {
    let internal = "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting";
    let level = "Thinking level MEDIUM is not supported for this model.";
    for (line, code, message) in [
        (json!({"key": "k", "error": {"code": 13, "message": internal}}), 13, internal),
        (json!({"key": "k", "error": {"code": 3, "message": level}}), 3, level),
        (json!({"key": "k", "status": {"code": 3, "message": level}}), 3, level),
        (json!({"key": "k", "error": {"code": "8"}}), 8, ""),
        (json!({"key": "k", "error": {}}), 0, ""),
        // The order of precedence is `error`, `status`, `response`.
        (json!({"key": "k", "response": {"candidates": []}, "error": {"code": 4}}), 4, ""),
        (json!({"key": "k", "status": {"code": 5}, "error": {"code": 4}}), 4, ""),
        (json!({"key": "k", "response": {}, "status": {"code": 5}}), 5, ""),
    ] {
        assert_eq!(status(&line).await, Status { code, message: message.into() }, "{line}");
    }
    // In these lines, neither `error` nor `status` is a Status object.
    for line in
        [json!({"key": "k", "error": null, "response": {}}), json!({"key": "k", "status": "OK", "response": {}})]
    {
        assert_eq!(answer(&line).await.text, "");
    }
}

/// The table in `docs/GEMINI.md`, "Row error codes".
#[tokio::test]
async fn row_error_code_decides_whether_to_retry() {
    const RETRY: bool = true;
    const PERMANENT: bool = false;
    for (code, name, treatment) in [
        (1, "CANCELLED", RETRY),
        (4, "DEADLINE_EXCEEDED", RETRY),
        (8, "RESOURCE_EXHAUSTED", RETRY),
        (10, "ABORTED", RETRY),
        (13, "INTERNAL", RETRY),
        (14, "UNAVAILABLE", RETRY),
        (2, "UNKNOWN", RETRY),
        (3, "INVALID_ARGUMENT", PERMANENT),
        (5, "NOT_FOUND", PERMANENT),
        (7, "PERMISSION_DENIED", PERMANENT),
        (9, "FAILED_PRECONDITION", PERMANENT),
        (11, "OUT_OF_RANGE", PERMANENT),
        (12, "UNIMPLEMENTED", PERMANENT),
        (16, "UNAUTHENTICATED", PERMANENT),
        // Codes that the document does not list.
        (0, "OK", RETRY),
        (6, "ALREADY_EXISTS", PERMANENT),
        (15, "DATA_LOSS", PERMANENT),
        (99, "", RETRY),
    ] {
        let status = status(&json!({"key": "k", "error": {"code": code, "message": name}})).await;
        assert_eq!(status.is_transient(), treatment, "{code} {name}");
    }
}

#[tokio::test]
async fn response_without_text_keeps_its_finish_or_block_reason() {
    let citation = json!({"citationSources": [{"startIndex": 0, "endIndex": 180, "uri": "https://example.com/"}]});
    let rating = json!({"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH", "blocked": true});
    let finished =
        |content: Value| json!({"candidates": [{"content": content, "finishReason": "MAX_TOKENS", "index": 0}]});
    for (response, text, finish, block) in [
        (json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}), "", None, Some("PROHIBITED_CONTENT")),
        (
            json!({"candidates": [{"finishReason": "RECITATION", "index": 0, "citationMetadata": citation}]}),
            "",
            Some("RECITATION"),
            None,
        ),
        (finished(json!({"parts": [{"text": "…cut"}], "role": "model"})), "…cut", Some("MAX_TOKENS"), None),
        (
            json!({"candidates": [{"finishReason": "SAFETY", "index": 0, "safetyRatings": [rating]}]}),
            "",
            Some("SAFETY"),
            None,
        ),
        // `content` in every form. Thoughts can use all tokens, so that no text is left.
        (json!({"candidates": [{"finishReason": "MAX_TOKENS", "index": 0}]}), "", Some("MAX_TOKENS"), None),
        (finished(json!({})), "", Some("MAX_TOKENS"), None),
        (finished(json!({"role": "model"})), "", Some("MAX_TOKENS"), None),
        (finished(json!({"parts": [{"thoughtSignature": "CiQB…"}]})), "", Some("MAX_TOKENS"), None),
        (finished(json!({"parts": [{"text": "Hm.", "thought": true}]})), "", Some("MAX_TOKENS"), None),
        // Several parts are one text.
        (
            finished(json!({"parts": [{"text": "# A\n"}, {"text": "b"}, {"inlineData": {}}]})),
            "# A\nb",
            Some("MAX_TOKENS"),
            None,
        ),
        // Forms that the document does not list.
        (finished(json!({"parts": "?"})), "", Some("MAX_TOKENS"), None),
        (json!({"candidates": []}), "", None, None),
        (json!({"candidates": null}), "", None, None),
        (json!({}), "", None, None),
    ] {
        let answer = answer(&json!({"key": "k", "response": response})).await;
        assert_eq!(answer.text, text, "{response}");
        assert_eq!((answer.finish_reason.as_deref(), answer.block_reason.as_deref()), (finish, block), "{response}");
    }
}

/// The values in `docs/GEMINI.md`, "Finish and block reasons", and an unknown one.
#[tokio::test]
async fn finish_and_block_reasons_are_kept_as_sent() {
    const FINISH: &str = "STOP MAX_TOKENS SAFETY RECITATION LANGUAGE OTHER BLOCKLIST PROHIBITED_CONTENT SPII \
        MALFORMED_FUNCTION_CALL IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_OTHER NO_IMAGE IMAGE_RECITATION UNEXPECTED_TOOL_CALL \
        TOO_MANY_TOOL_CALLS MISSING_THOUGHT_SIGNATURE MALFORMED_RESPONSE ESCALATION PUP_LIMITED_DISABLED CONTINUATION MODEL_ARMOR \
        A_NEW_ONE";
    const BLOCK: &str = "SAFETY OTHER BLOCKLIST PROHIBITED_CONTENT IMAGE_SAFETY MODEL_ARMOR JAILBREAK A_NEW_ONE";
    for reason in FINISH.split_whitespace() {
        let answer = answer(&json!({"response": {"candidates": [{"finishReason": reason}]}})).await;
        assert_eq!(answer.finish_reason.as_deref(), Some(reason));
    }
    for reason in BLOCK.split_whitespace() {
        let answer = answer(&json!({"response": {"promptFeedback": {"blockReason": reason}}})).await;
        assert_eq!(answer.block_reason.as_deref(), Some(reason));
    }
}

/// The fields in `docs/GEMINI.md`, "Token usage", as a number, as digits and malformed.
#[tokio::test]
async fn token_count_of_each_field_is_parsed() {
    type Field = fn(&Usage) -> u64;
    let fields: [(&str, Field); 6] = [
        ("promptTokenCount", |usage| usage.prompt_tokens),
        ("cachedContentTokenCount", |usage| usage.cached_tokens),
        ("candidatesTokenCount", |usage| usage.candidates_tokens),
        ("thoughtsTokenCount", |usage| usage.thoughts_tokens),
        ("toolUsePromptTokenCount", |usage| usage.tool_use_tokens),
        ("totalTokenCount", |usage| usage.total_tokens),
    ];
    for (name, field) in fields {
        for (sent, read) in [(json!(50), 50), (json!("50"), 50), (json!(-5), 0), (json!(null), 0), (json!([]), 0)] {
            let usage = answer(&json!({"response": {"usageMetadata": {name: sent}}})).await.usage;
            assert_eq!(field(&usage), read, "{name} {sent}");
        }
    }
    for usage in [json!(null), json!({}), json!("?"), json!({"trafficType": "ON_DEMAND", "serviceTier": "flex"})] {
        assert_eq!(answer(&json!({"response": {"usageMetadata": usage}})).await.usage, Usage::default());
    }
    assert_eq!(answer(&json!({"response": {}})).await.usage, Usage::default());
}
