//! The check of requests and lines, which accepts all lines of the client.

use bytes::Bytes;
use coldbrew_gemini::jsonl::InputLine;
use coldbrew_gemini::models::{self, Thinking};
use coldbrew_gemini::{GenerationConfig, MediaResolution, Part, Request, SafetySetting, Store, ThinkingConfig};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::line::check_line;
use crate::schema::{self, ViolationKind};

/// A request as Google documents it.
fn documented() -> Value {
    json!({
        "contents": [{"role": "user", "parts": [
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0x"}},
            {"text": "Transcribe this page."},
        ]}],
        "systemInstruction": {"parts": [{"text": "You transcribe."}]},
        "generationConfig": {
            "temperature": 0.0,
            "maxOutputTokens": 8_192,
            "mediaResolution": "MEDIA_RESOLUTION_HIGH",
            "thinkingConfig": {"thinkingLevel": "LOW"},
        },
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    })
}

#[test]
fn schema_name_or_value_unknown_is_refused_with_its_path() {
    let parts = |part: Value| json!({"contents": [{"parts": [{"text": "a"}, part]}]});
    let config = |config: Value| json!({"generationConfig": config});
    for (request, path, name) in [
        (json!({"thinkingConfig": {}}), "", "thinkingConfig"),
        (json!({"contents": {}}), "contents", "contents"),
        (json!({"contents": [3]}), "contents[0]", "contents[0]"),
        (parts(json!({"txt": "a"})), "contents[0].parts[1]", "txt"),
        (parts(json!({"text": 7})), "contents[0].parts[1].text", "text"),
        (parts(json!({"text": "a", "inlineData": {}})), "contents[0].parts[1]", "text"),
        (parts(json!({"inlineData": {"data": "a b"}})), "contents[0].parts[1].inline_data.data", "data"),
        (parts(json!({"inlineData": {"mime": "x"}})), "contents[0].parts[1].inline_data", "mime"),
        (config(json!({"max_tokens": 5})), "generation_config", "max_tokens"),
        (config(json!({"maxOutputTokens": "many"})), "generation_config.max_output_tokens", "maxOutputTokens"),
        (config(json!({"maxOutputTokens": 1.5})), "generation_config.max_output_tokens", "maxOutputTokens"),
        (
            config(json!({"maxOutputTokens": 3_000_000_000_u64})),
            "generation_config.max_output_tokens",
            "maxOutputTokens",
        ),
        (config(json!({"seed": 1e300})), "generation_config.seed", "seed"),
        (config(json!({"topK": 1, "top_k": 1})), "generation_config", "top_k"),
        (config(json!({"temperature": "hot"})), "generation_config.temperature", "temperature"),
        (
            config(json!({"thinkingConfig": {"thinkingLevel": "low"}})),
            "generation_config.thinking_config.thinking_level",
            "thinkingLevel",
        ),
        (config(json!({"mediaResolution": "HIGH"})), "generation_config.media_resolution", "mediaResolution"),
        (json!({"safetySettings": [{"threshold": "NONE"}]}), "safety_settings[0].threshold", "threshold"),
    ] {
        let violation = schema::check(&request, &schema::GENERATE_CONTENT, "").unwrap_err();
        assert_eq!((violation.path.as_str(), violation.kind.name()), (path, name), "{request}");
    }
}

#[test]
fn base64_digit_wrong_is_refused_at_any_position() {
    let digits = "AZaz09+/-_".repeat(15);
    let request = |data: &str| json!({"contents": [{"parts": [{"inlineData": {"data": data}}]}]});
    schema::check(&request(&digits[..148]), &schema::GENERATE_CONTENT, "").unwrap();
    for (index, wrong) in (0..148).zip(['*', ' ', '@', '[', '`', '{', '/', ':', ',', '='].into_iter().cycle()) {
        let mut data = digits[..148].to_owned();
        data.replace_range(index..=index, &wrong.to_string());
        let is_right = wrong == '/' || (wrong == '=' && index == 147);
        assert_eq!(schema::check(&request(&data), &schema::GENERATE_CONTENT, "").is_ok(), is_right, "{data}");
    }
}

#[test]
fn schema_both_spellings_and_all_encodings_are_accepted() {
    let request = json!({
        "contents": [{"parts": [{"inline_data": {"mime_type": "application/pdf", "data": "JVBERi0_-w=="}}, {"text": null}]}],
        "system_instruction": {"parts": [{"text": "x"}]},
        "generation_config": {"max_output_tokens": "100", "temperature": 1, "topK": 40.0, "thinkingConfig": {"thinking_level": 2}},
        "safetySettings": null,
    });
    schema::check(&request, &schema::GENERATE_CONTENT, "").unwrap();
    schema::check(&documented(), &schema::GENERATE_CONTENT, "").unwrap();
    let inline = json!({"batch": {"input_config": {"requests": {"requests": [{"request": documented(), "safetySettings": []}]}}}});
    let violation = schema::check(&inline, &schema::CREATE_BATCH, "").unwrap_err();
    assert_eq!(violation.path, "batch.input_config.requests.requests[0]");
    assert_eq!(violation.kind, ViolationKind::UnknownName("safetySettings".into()));
}

#[test]
fn line_malformed_is_refused_in_googles_words() {
    for (line, message) in [
        (
            r#"{"key":"a","request":{"contents":[],"cachedContents":"x"}}"#,
            "invalid JSON, near column 37: no such field: 'cachedContents'",
        ),
        (r#"{"custom_id":"a","request":{}}"#, "invalid JSON, near column 2: no such field: 'custom_id'"),
        ("[{}]", "invalid JSON, near column 1: unexpected character: '['; expected '{'"),
    ] {
        assert_eq!(check_line(line.as_bytes()).unwrap_err().to_string(), message);
    }
    for line in ["", "{", "7", "{\"key\":\"a\"}", "{\"key\":\"a\",\"request\":null}", "{\"key\":\"a\",\"request\":[]}"]
    {
        assert!(check_line(line.as_bytes()).is_err(), "{line}");
    }
    check_line(br#"{"key":"a","request":{"contents":[{"parts":[{"text":"x"}]}]}}"#).unwrap();
}

prop_compose! {
    fn any_part()(text in ".{0,40}", data in proptest::collection::vec(any::<u8>(), 1..60), is_text: bool) -> Part {
        if is_text { Part::Text(text) } else { Part::Inline { mime_type: "application/pdf".into(), data: Bytes::from(data) } }
    }
}

/// Any [`GenerationConfig`]. Not every model accepts it.
fn any_config() -> impl Strategy<Value = GenerationConfig> {
    let resolutions = vec![MediaResolution::Low, MediaResolution::Medium, MediaResolution::High];
    let levels = models::all().filter_map(|model| match model.thinking {
        Thinking::Levels(levels) => Some(levels),
        _ => None,
    });
    let levels: Vec<_> = levels.flatten().copied().map(ThinkingConfig::Level).collect();
    let thinking = prop_oneof![prop::sample::select(levels), (-1..30_000).prop_map(ThinkingConfig::Budget)];
    (
        prop::option::of(0.0..=2.0),
        prop::option::of(1..=65_536_u32),
        prop::option::of(prop::sample::select(resolutions)),
        prop::option::of(thinking),
    )
        .prop_map(|(temperature, max_output_tokens, media_resolution, thinking_config)| GenerationConfig {
            temperature,
            max_output_tokens,
            media_resolution,
            thinking_config,
        })
}

proptest! {
    /// The client does not check the fields of its lines, so this test does.
    #[test]
    fn line_written_by_the_client_is_accepted(
        parts in proptest::collection::vec(any_part(), 1..4),
        system_instruction in prop::option::of(".{0,40}"),
        generation_config in any_config(),
        safe: bool,
        key in "[A-Za-z0-9._:-]{1,64}",
    ) {
        let safety_settings = if safe { SafetySetting::BLOCK_NONE.to_vec() } else { Vec::new() };
        let store = Store::Never;
        let request = Request { parts, system_instruction, generation_config, safety_settings, store };
        for model in models::all() {
            // The client refuses a request that the model does not accept.
            if let Ok(line) = InputLine::new(key.clone(), &request, &model) {
                let checked = check_line(line.as_bytes());
                prop_assert!(checked.is_ok(), "{checked:?}");
            }
        }
    }
}
