//! The serialization of requests, and the check that refuses what Google would refuse.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::jsonl::{InputLine, InputWriter, WriteError};
use crate::models::{Model, model};
use crate::{
    GenerationConfig, INLINE_BYTES_MAX, MediaResolution, PDF_BYTES_MAX, Request, RequestError, SafetySetting, Store,
    ThinkingConfig, ThinkingLevel,
};

fn full() -> Request {
    Request {
        system_instruction: Some("You transcribe.".into()),
        generation_config: GenerationConfig {
            max_output_tokens: Some(8_192),
            media_resolution: Some(MediaResolution::High),
            thinking_config: Some(ThinkingConfig::Level(ThinkingLevel::Low)),
            ..GenerationConfig::default()
        },
        safety_settings: SafetySetting::BLOCK_NONE[..1].to_vec(),
        ..Request::page("application/pdf", Bytes::from_static(b"%PDF-1"), "Transcribe this page.")
    }
}

fn expected() -> Value {
    json!({
        "contents": [{"role": "user", "parts": [
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0x"}},
            {"text": "Transcribe this page."},
        ]}],
        "systemInstruction": {"parts": [{"text": "You transcribe."}]},
        "generationConfig": {
            "maxOutputTokens": 8_192,
            "mediaResolution": "MEDIA_RESOLUTION_HIGH",
            "thinkingConfig": {"thinkingLevel": "LOW"},
        },
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "store": false,
    })
}

#[test]
fn request_is_serialized_as_documented() {
    assert_eq!(serde_json::to_value(full()).unwrap(), expected());
    let small = Request::page("image/png", Bytes::from_static(b"x"), "Read.");
    let small = serde_json::to_value(small).unwrap();
    assert_eq!(small["generationConfig"], json!({}));
    assert!(small.get("systemInstruction").is_none() && small.get("safetySettings").is_none());
    let unprotected = serde_json::to_value(Request { store: Store::AsProject, ..full() }).unwrap();
    assert!(small["store"] == false && unprotected.get("store").is_none());
}

fn line(key: &str, request: &Request) -> Result<InputLine, WriteError> {
    InputLine::new(key.to_owned(), request, &model("gemini-3.8-flash"))
}

#[tokio::test]
async fn input_writer_writes_one_json_object_a_line() {
    let mut writer = InputWriter::new(Vec::new());
    writer.write(line("page_0", &full()).unwrap()).await.unwrap();
    writer.write(line("page_1", &full()).unwrap()).await.unwrap();
    let (bytes, summary) = writer.finish().await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!((summary.lines, summary.bytes), (2, text.len() as u64));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0], json!({"key": "page_0", "request": expected()}));
    assert_eq!(lines[1]["key"], "page_1");
}

#[tokio::test]
async fn input_line_with_a_bad_key_or_request_is_not_written() {
    for key in ["", "page 1", &"k".repeat(65)] {
        assert!(matches!(line(key, &full()), Err(WriteError::Key)), "{key}");
    }
    let mut minimal = full();
    minimal.generation_config.thinking_config = Some(ThinkingConfig::Level(ThinkingLevel::Minimal));
    assert!(matches!(line("page_1", &minimal), Err(WriteError::Request(_))));

    let mut writer = InputWriter::new(Vec::new());
    writer.write(line("page_0", &full()).unwrap()).await.unwrap();
    assert!(matches!(writer.write(line("page_0", &full()).unwrap()).await, Err(WriteError::Key)));
    assert_eq!(writer.finish().await.unwrap().1.lines, 1);
}

#[test]
fn request_that_the_model_refuses_fails_the_check() {
    let with = |config: ThinkingConfig| {
        let mut request = full();
        request.generation_config.thinking_config = Some(config);
        request
    };
    let minimal = with(ThinkingConfig::Level(ThinkingLevel::Minimal));
    let budget = with(ThinkingConfig::Budget(0));
    let xhigh = with(ThinkingConfig::Level(ThinkingLevel::Xhigh));
    assert_eq!(
        serde_json::to_value(&xhigh).unwrap()["generationConfig"]["thinkingConfig"],
        json!({"thinkingLevel": "XHIGH"})
    );
    for (name, request, taken) in [
        ("gemini-3.8-flash", &full(), true),
        ("gemini-3.8-flash", &minimal, false),
        ("gemini-3.6-flash", &minimal, true),
        ("gemini-3.8-flash", &budget, false),
        ("gemini-2.5-flash", &budget, true),
        ("gemini-2.5-flash", &full(), false),
        ("gemini-99", &minimal, true),
        ("gemini-99", &budget, false),
        ("tuned-thing", &budget, true),
        ("gemini-3.8-flash", &xhigh, false),
        ("gemini-4-hydrogen", &xhigh, true),
        ("gemini-4-argon", &xhigh, false),
    ] {
        assert_eq!(
            request.check(&model(name)).is_ok(),
            taken,
            "{name} {:?}",
            request.generation_config.thinking_config
        );
    }
    let max = PDF_BYTES_MAX;
    let page = |mime_type: &str, bytes: usize| Request::page(mime_type, Bytes::from(vec![0; bytes]), "Read.");
    for (request, fault) in [
        (page("application/pdf", max), None),
        (page("application/pdf", max + 1), Some(RequestError::TooLarge { bytes: max + 1, max })),
        (page("image/png", max + 1), None),
        (
            page("image/png", INLINE_BYTES_MAX + 1),
            Some(RequestError::TooLarge { bytes: INLINE_BYTES_MAX + 1, max: INLINE_BYTES_MAX }),
        ),
        (page("application/pdf", 0), Some(RequestError::Empty)),
        (page("pdf", 1), Some(RequestError::MimeType { mime_type: "pdf".into() })),
        (page("a/b; c=\"d\"", 1), Some(RequestError::MimeType { mime_type: "a/b; c=\"d\"".into() })),
        (Request::default(), Some(RequestError::Empty)),
    ] {
        assert_eq!(request.check(&model("gemini-3.8-flash")).err(), fault);
    }
    for (temperature, taken) in [(0.0, true), (2.0, true), (2.1, false), (-0.1, false), (f64::NAN, false)] {
        let mut hot = full();
        hot.generation_config.temperature = Some(temperature);
        hot.generation_config.thinking_config = None;
        assert_eq!(hot.check(&model("gemini-2.5-pro")).is_ok(), taken, "{temperature}");
        for newer in ["gemini-3.8-flash", "gemini-3.1-flash-lite", "gemini-4-neon", "gemini-99", "tuned-thing"] {
            assert!(hot.check(&model(newer)).is_err(), "{newer} {temperature}");
        }
    }
    let blind = Model { media: None, ..model("gemini-3.8-flash") };
    assert_eq!(full().check(&blind), Err(RequestError::MediaResolution { model: "gemini-3.8-flash".into() }));
    let mut long = full();
    long.generation_config.max_output_tokens = Some(65_537);
    assert!(matches!(long.check(&model("gemini-3.8-flash")), Err(RequestError::OutputTokens { max: 65_536, .. })));
}
