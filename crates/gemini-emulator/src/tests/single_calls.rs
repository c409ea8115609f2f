//! Single calls: generate content, count tokens, list models.

use bytes::Bytes;
use serde_json::{Value, json};

use super::harness::{MODEL, TestEmulator};
use coldbrew_gemini::{
    ErrorKind, GenerationConfig, MediaResolution, Quota, Request, ServiceTier, ThinkingConfig, ThinkingLevel,
};

fn page(text: &str, prompt: &str) -> Request {
    Request::page("application/pdf", Bytes::copy_from_slice(text.as_bytes()), prompt)
}

#[tokio::test]
async fn generate_content_returns_the_text_of_the_page() {
    let emulator = TestEmulator::start().await;
    let answer = emulator
        .client
        .generate_content(MODEL, &page("# Title\n\nWords.", "Transcribe."), ServiceTier::Standard)
        .await
        .unwrap();
    assert_eq!((answer.text.as_str(), answer.finish_reason.as_deref()), ("# Title\n\nWords.", Some("STOP")));
    assert_eq!(answer.model_version.as_deref(), Some(MODEL));
    let usage = answer.usage;
    assert_eq!((usage.prompt_tokens, usage.candidates_tokens), (560 + 3, 4));
    assert_eq!(usage.total_tokens, usage.prompt_tokens + usage.candidates_tokens + usage.thoughts_tokens);
    assert!(usage.thoughts_tokens > 0);
}

#[tokio::test]
async fn token_counts_follow_media_resolution_and_thinking_level() {
    let emulator = TestEmulator::start().await;
    for (resolution, tokens) in
        [(MediaResolution::Low, 280), (MediaResolution::Medium, 560), (MediaResolution::High, 1_120)]
    {
        let config = GenerationConfig { media_resolution: Some(resolution), ..GenerationConfig::default() };
        let request = Request { generation_config: config, ..page("x", "") };
        assert_eq!(emulator.client.count_tokens(MODEL, &request).await.unwrap().total_tokens, tokens);
    }
    let mut thoughts = Vec::new();
    for level in [ThinkingLevel::Minimal, ThinkingLevel::Low, ThinkingLevel::Medium, ThinkingLevel::High] {
        let config =
            GenerationConfig { thinking_config: Some(ThinkingConfig::Level(level)), ..GenerationConfig::default() };
        let request = Request { generation_config: config, ..page("x", "") };
        thoughts.push(
            emulator
                .client
                .generate_content("gemini-3.6-flash", &request, ServiceTier::Standard)
                .await
                .unwrap()
                .usage
                .thoughts_tokens,
        );
    }
    assert!(thoughts[0] == 0 && thoughts.is_sorted(), "{thoughts:?}");
}

#[tokio::test]
async fn answer_beyond_max_output_tokens_is_cut() {
    let emulator = TestEmulator::start().await;
    let config = GenerationConfig {
        max_output_tokens: Some(50),
        thinking_config: Some(ThinkingConfig::Level(ThinkingLevel::Low)),
        ..GenerationConfig::default()
    };
    let request = Request { generation_config: config.clone(), ..page(&"word ".repeat(30), "") };
    let answer = emulator.client.generate_content(MODEL, &request, ServiceTier::Standard).await.unwrap();
    assert_eq!(answer.finish_reason.as_deref(), Some("MAX_TOKENS"));
    assert!("word ".repeat(30).starts_with(&answer.text) && !answer.text.is_empty());
    let config = GenerationConfig { max_output_tokens: Some(5), ..config };
    let answer = emulator
        .client
        .generate_content(MODEL, &Request { generation_config: config, ..request }, ServiceTier::Standard)
        .await
        .unwrap();
    assert_eq!((answer.text.as_str(), answer.finish_reason.as_deref()), ("", Some("MAX_TOKENS")));
}

#[tokio::test]
async fn figures_announced_in_the_prompt_are_placed() {
    let emulator = TestEmulator::start().await;
    let prompt = "Transcribe.\nFigures on this page: 2\n[[figure 1]]\n[[figure 2]]";
    let answer = emulator
        .client
        .generate_content(MODEL, &page("First.\n\nSecond.", prompt), ServiceTier::Standard)
        .await
        .unwrap();
    assert_eq!(answer.text, "First.\n\n[[figure 1]]\n\n[[figure 2]]\n\nSecond.");
}

#[tokio::test]
async fn single_call_fault_gives_its_error() {
    let emulator = TestEmulator::start().await;
    for (fault, kind) in [
        ("generate_unavailable", ErrorKind::Retry { after: None }),
        ("generate_times_out", ErrorKind::Retry { after: None }),
        ("generate_hangs_up", ErrorKind::Retry { after: None }),
        (
            "generate_rate_limited",
            ErrorKind::Quota { which: Quota::PerMinute, after: Some(std::time::Duration::from_secs(1)) },
        ),
    ] {
        emulator.once(fault).await;
        let error = emulator.client.generate_content(MODEL, &page("x", ""), ServiceTier::Standard).await.unwrap_err();
        assert_eq!(error.kind, kind, "{fault}");
    }
    let error =
        emulator.client.generate_content(MODEL, &page("unreadable", ""), ServiceTier::Standard).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
}

#[tokio::test]
async fn thinking_config_that_the_model_lacks_is_refused() {
    let emulator = TestEmulator::start().await;
    for (model, thinking, message) in [
        (MODEL, json!({"thinkingLevel": "MINIMAL"}), "Thinking level MINIMAL is not supported for this model."),
        (
            MODEL,
            json!({"thinkingLevel": "LOW", "thinkingBudget": 0}),
            "You can only set only one of thinking budget and thinking level.",
        ),
        ("gemini-2.5-flash", json!({"thinkingLevel": "LOW"}), "Thinking level is not supported for this model."),
    ] {
        let body = json!({"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"thinkingConfig": thinking}});
        let (status, answer) = emulator.call("POST", &format!("v1/models/{model}:generateContent"), Some(body)).await;
        assert_eq!((status, answer["error"]["message"].as_str()), (400, Some(message)));
    }
    let (status, answer) = emulator.call("POST", &format!("v1/models/{MODEL}:generateContent"), Some(json!({}))).await;
    assert_eq!((status, answer["error"]["status"].as_str()), (400, Some("INVALID_ARGUMENT")));
}

#[tokio::test]
async fn stream_as_events_or_list_is_the_answer_in_pieces() {
    let emulator = TestEmulator::start().await;
    let text = "Words and words. ".repeat(40);
    let body = serde_json::to_value(page(&text, "")).unwrap();
    let path = format!("v1beta/models/{MODEL}:streamGenerateContent");
    let (_, events) = emulator.call("POST", &format!("{path}?alt=sse"), Some(body.clone())).await;
    let events: Vec<Value> = events
        .as_str()
        .unwrap()
        .split_terminator("\r\n\r\n")
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect();
    let (_, list) = emulator.call("POST", &path, Some(body)).await;
    for pieces in [&events, list.as_array().unwrap()] {
        assert!(pieces.len() > 2);
        let texts = pieces.iter().map(|piece| piece["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap());
        assert_eq!(texts.collect::<String>(), text);
        let finished = pieces.iter().filter(|piece| piece["candidates"][0].get("finishReason").is_some());
        assert_eq!(finished.count(), 1);
    }
}

#[tokio::test]
async fn model_alias_is_found_under_v1beta_only() {
    let emulator = TestEmulator::start().await;
    assert_eq!(emulator.call("GET", "v1beta/models/gemini-flash-latest", None).await.0, 200);
    assert_eq!(emulator.call("GET", "v1/models/gemini-flash-latest", None).await.0, 404);
    assert_eq!(emulator.client.list_models().await.unwrap().len(), coldbrew_gemini::models::all().count());
}

#[tokio::test]
async fn answer_of_mime_type_json_follows_the_schema() {
    let emulator = TestEmulator::start().await;
    let schema = json!({"type": "OBJECT", "properties": {
        "title": {"type": "STRING"}, "pages": {"type": "ARRAY", "items": {"type": "INTEGER"}}, "kind": {"type": "STRING", "enum": ["a", "b"]},
    }});
    for (schema, expected) in
        [(Some(schema), json!({"title": "x", "pages": [0], "kind": "a"})), (None, json!({"text": "x"}))]
    {
        let mut body = serde_json::to_value(page("x", "")).unwrap();
        body["generationConfig"] = json!({"responseMimeType": "application/json", "responseSchema": schema});
        let (_, answer) = emulator.call("POST", &format!("v1/models/{MODEL}:generateContent"), Some(body)).await;
        let text = answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), expected);
    }
}
