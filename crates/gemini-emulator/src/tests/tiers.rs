//! Flex calls, models that change with the date, and the field `store`.

use bytes::Bytes;
use serde_json::json;

use super::harness::{HOUR, MODEL, TestEmulator, answer};
use coldbrew_gemini::jsonl::{InputLine, InputWriter};
use coldbrew_gemini::{Error, ErrorKind, Request, ServiceTier, Store, models};

fn page() -> Request {
    Request::page("application/pdf", Bytes::from_static(b"A page."), "Transcribe.")
}

#[tokio::test]
async fn flex_call_is_answered_by_flex_unless_a_fault_is_armed() {
    let emulator = TestEmulator::start().await;
    let call = async |tier| emulator.client.generate_content(MODEL, &page(), tier).await;
    let tier = async |tier| call(tier).await.unwrap().service_tier;
    assert_eq!(tier(ServiceTier::Flex).await, Some(ServiceTier::Flex));
    assert_eq!(tier(ServiceTier::Standard).await, Some(ServiceTier::Standard));
    for fault in ["flex_unavailable", "flex_exhausted"] {
        emulator.arm(json!({"fault": fault, "times": 1})).await;
        assert_eq!(tier(ServiceTier::Standard).await, Some(ServiceTier::Standard), "{fault}");
        let error: Error = call(ServiceTier::Flex).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Shed { after: None }, "{fault}");
        assert_eq!(tier(ServiceTier::Flex).await, Some(ServiceTier::Flex), "{fault}: once only");
    }
    emulator.once("flex_served_as_standard").await;
    assert_eq!(tier(ServiceTier::Flex).await, Some(ServiceTier::Standard));
    emulator.arm(json!({"fault": "flex_delayed", "times": 1, "amount": 300})).await;
    let begun = std::time::Instant::now();
    tier(ServiceTier::Flex).await;
    assert!(begun.elapsed().as_millis() >= 300);
    assert_eq!(emulator.calls("generate_content_flex").await, 7);
    let body = json!({"contents": [{"parts": [{"text": "x"}]}], "serviceTier": "fast"});
    assert_eq!(emulator.call("POST", &format!("v1/models/{MODEL}:generateContent"), Some(body)).await.0, 400);
}

/// The clock begins on 2026-11-18.
#[tokio::test]
async fn model_is_answered_by_another_from_its_day_on_in_calls_and_batches() {
    let emulator = TestEmulator::start().await;
    let version = async |model: &str| {
        let answer = emulator.client.generate_content(model, &page(), ServiceTier::Standard).await.unwrap();
        answer.model_version.unwrap()
    };
    assert_eq!(version("gemini-3.7-flash").await, "gemini-3.8-flash");
    assert_eq!(version("gemini-2.5-pro").await, "gemini-2.5-pro");
    emulator.advance(14 * 24 * HOUR);
    assert_eq!(version("gemini-2.5-pro").await, "gemini-3.8-flash");
    let input = emulator.input(&["one"]).await;
    let batch = emulator.client.create_batch("gemini-2.5-flash", "job", &input.name).await.unwrap();
    assert_eq!(batch.model, "models/gemini-2.5-flash");
    let lines = emulator.results(&emulator.finish(&batch).await).await;
    assert_eq!(answer(&lines[0]).model_version.as_deref(), Some("gemini-3.5-flash-lite"));
}

#[tokio::test]
async fn model_that_was_shut_down_is_not_found() {
    let emulator = TestEmulator::start().await;
    let model = "gemini-3.1-flash-lite";
    emulator.client.get_model(model).await.unwrap();
    emulator.advance(171 * 24 * HOUR);
    assert_eq!(emulator.client.get_model(model).await.unwrap_err().http_status, Some(404));
    let error = emulator.client.generate_content(model, &page(), ServiceTier::Standard).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert_eq!(emulator.client.list_models().await.unwrap().len(), models::all().count() - 1);
}

#[tokio::test]
async fn level_xhigh_is_accepted_by_the_models_that_have_it() {
    let emulator = TestEmulator::start().await;
    let thinking = json!({"thinkingConfig": {"thinkingLevel": "XHIGH"}});
    let body = json!({"contents": [{"parts": [{"text": "x"}]}], "generationConfig": thinking});
    for (model, status) in [("gemini-4-hydrogen", 200), ("gemini-4-neon", 200), ("gemini-4-carbon", 400), (MODEL, 400)]
    {
        let (seen, _) = emulator.call("POST", &format!("v1/models/{model}:generateContent"), Some(body.clone())).await;
        assert_eq!(seen, status, "{model}");
    }
}

#[tokio::test]
async fn requests_of_the_client_are_protected_from_storage_and_others_are_counted() {
    let emulator = TestEmulator::start().await;
    emulator.run(&["one", "two"]).await;
    emulator.client.generate_content(MODEL, &page(), ServiceTier::Flex).await.unwrap();
    let unprotected = async || emulator.call("GET", "_control", None).await.1["unprotected_requests"].clone();
    assert_eq!(unprotected().await, 0);
    let body = json!({"contents": [{"parts": [{"text": "x"}]}]});
    emulator.call("POST", &format!("v1/models/{MODEL}:generateContent"), Some(body.clone())).await;
    let input = emulator.upload(&format!("{}\n", json!({"key": "a", "request": body}))).await;
    emulator.client.create_batch(MODEL, "job", &input.name).await.unwrap();
    assert_eq!(unprotected().await, 2);
}

#[tokio::test]
async fn store_refused_is_left_out_of_calls_and_of_the_next_input() {
    let emulator = TestEmulator::start().await;
    emulator.arm(json!({"fault": "store_refused"})).await;
    let answer = emulator.client.generate_content(MODEL, &page(), ServiceTier::Standard).await.unwrap();
    assert_eq!(answer.text, "A page.");
    let input = emulator.input(&["one", "two"]).await;
    let error = emulator.client.create_batch(MODEL, "job", &input.name).await.unwrap_err();
    assert!(
        error.refuses_store() && error.message.starts_with("Error on line 1: invalid JSON, near column"),
        "{error}"
    );
    assert!(error.message.contains("Error on line 2:"), "{error}");
    assert_eq!(emulator.client.batch_store(), Store::AsProject);
    let mut writer = InputWriter::new(Vec::new());
    let request = Request { store: emulator.client.batch_store(), ..page() };
    writer.write(InputLine::new("a".into(), &request, &models::model(MODEL)).unwrap()).await.unwrap();
    let input = emulator.upload(std::str::from_utf8(&writer.finish().await.unwrap().0).unwrap()).await;
    emulator.client.create_batch(MODEL, "job", &input.name).await.unwrap();
}
