//! Outputs and rows, with their faults.

use serde_json::json;

use super::harness::{TestEmulator, answer, keys};
use coldbrew_gemini::jsonl::{LineError, Outcome};
use coldbrew_gemini::{BatchState, ErrorKind, models};

const PAGES: [&str; 5] = ["zero", "one", "two", "three", "four"];

#[tokio::test]
async fn output_fault_changes_the_lines_as_armed() {
    let all = ["page_0", "page_1", "page_2", "page_3", "page_4"];
    for (fault, expected) in [
        ("output_shuffled", &["page_1", "page_0", "page_3", "page_2", "page_4"][..]),
        ("output_misses_rows", &["page_0", "page_2", "page_3"]),
        ("output_doubles_rows", &["page_0", "page_1", "page_1", "page_2", "page_3", "page_4", "page_4"]),
        ("output_keyless_row", &["-", "page_1", "page_2", "page_3", "page_4"]),
        ("output_empty", &[]),
        ("output_cut_off", &["page_0", "page_1", "page_2", "page_3", "-"]),
        ("output_blank_lines", &all),
        ("output_crlf", &all),
    ] {
        let emulator = TestEmulator::start().await;
        emulator.once(fault).await;
        let lines = emulator.run(&PAGES).await;
        assert_eq!(keys(&lines), expected, "{fault}");
        for line in lines.iter().filter(|line| line.key.is_some()) {
            let index: usize = line.key.as_ref().unwrap().strip_prefix("page_").unwrap().parse().unwrap();
            assert_eq!(answer(line).text, PAGES[index], "{fault}");
        }
    }
}

#[tokio::test]
async fn output_fault_changes_the_bytes_as_armed() {
    let emulator = TestEmulator::start().await;
    for (fault, sign) in [("output_blank_lines", "\n\n"), ("output_crlf", "\r\n")] {
        emulator.once(fault).await;
        let batch = emulator.create(&PAGES).await;
        let done = emulator.finish(&batch).await;
        assert_eq!(emulator.output(&done).await.matches(sign).count(), 5, "{fault}");
    }
    emulator.once("output_cut_off").await;
    let batch = emulator.create(&PAGES).await;
    let lines = emulator.results(&emulator.finish(&batch).await).await;
    assert_eq!(lines.last().unwrap().outcome, Outcome::Unrecognised(LineError::Truncated));
}

#[tokio::test]
async fn row_error_leaves_the_batch_succeeded() {
    let emulator = TestEmulator::start().await;
    let batch = emulator.create(&["zero", "unreadable", "unavailable"]).await;
    let done = emulator.finish(&batch).await;
    assert_eq!((&done.state, done.stats.succeeded, done.stats.failed), (&BatchState::Succeeded, 1, 2));
    let codes: Vec<_> = emulator.results(&done).await.into_iter().map(|line| code(&line.outcome)).collect();
    assert_eq!(codes, [None, Some(3), Some(14)]);
    emulator.arm(json!({"fault": "row_error", "amount": 8, "skip": 1, "times": 1})).await;
    emulator.once("output_status_for_error").await;
    let batch = emulator.create(&PAGES).await;
    let done = emulator.finish(&batch).await;
    assert!(emulator.output(&done).await.contains("\"status\":{\"code\":8"));
    let codes: Vec<_> = emulator.results(&done).await.into_iter().map(|line| code(&line.outcome)).collect();
    assert_eq!(codes, [None, Some(8), None, None, None]);
}

#[tokio::test]
async fn batch_whose_rows_all_fail_succeeds() {
    let emulator = TestEmulator::start().await;
    emulator.arm(json!({"fault": "row_error"})).await;
    let batch = emulator.create(&PAGES).await;
    let done = emulator.finish(&batch).await;
    assert_eq!((&done.state, done.stats.failed), (&BatchState::Succeeded, 5));
    assert!(emulator.results(&done).await.iter().all(|line| code(&line.outcome) == Some(13)));
}

fn code(outcome: &Outcome) -> Option<i64> {
    match outcome {
        Outcome::Error(status) => Some(status.code),
        _ => None,
    }
}

#[tokio::test]
async fn row_fault_changes_the_response_as_armed() {
    for (fault, text, finish, block) in [
        ("row_blocked", "", None, Some("PROHIBITED_CONTENT")),
        ("row_recitation", "", Some("RECITATION"), None),
        ("row_safety", "", Some("SAFETY"), None),
        ("row_max_tokens", "ze", Some("MAX_TOKENS"), None),
        ("row_max_tokens_without_text", "", Some("MAX_TOKENS"), None),
        ("row_thoughts_only", "", Some("STOP"), None),
        ("row_many_parts", "zero", Some("STOP"), None),
        ("row_without_usage", "zero", Some("STOP"), None),
        ("row_other_model", "zero", Some("STOP"), None),
    ] {
        let emulator = TestEmulator::start().await;
        emulator.once(fault).await;
        let lines = emulator.run(&PAGES).await;
        let odd = answer(&lines[0]);
        let seen = (odd.text.as_str(), odd.finish_reason.as_deref(), odd.block_reason.as_deref());
        assert_eq!(seen, (text, finish, block), "{fault}");
        assert_eq!(odd.usage.total_tokens == 0, fault == "row_without_usage", "{fault}");
        let is_requested = models::is_same_model(super::harness::MODEL, odd.model_version.as_deref().unwrap());
        assert_eq!(is_requested, fault != "row_other_model", "{fault}");
        assert_eq!(answer(&lines[1]).text, "one", "{fault}: once only");
    }
}

#[tokio::test]
async fn row_fault_makes_a_line_long_or_without_result() {
    let emulator = TestEmulator::start().await;
    emulator.once("row_long").await;
    emulator.arm(json!({"fault": "row_without_result", "skip": 1, "times": 1})).await;
    let lines = emulator.run(&PAGES).await;
    assert!(answer(&lines[0]).text.len() > 1_000_000);
    assert_eq!(lines[1].outcome, Outcome::Unrecognised(LineError::NoResult));
}

#[tokio::test]
async fn download_cut_off_twice_is_restarted_twice() {
    let emulator = TestEmulator::start().await;
    let batch = emulator.create(&PAGES).await;
    let done = emulator.finish(&batch).await;
    emulator.arm(json!({"fault": "download_hangs_up", "times": 2})).await;
    assert_eq!(emulator.results(&done).await.len(), 5);
    assert_eq!(emulator.calls("download").await, 3);
}

#[tokio::test]
async fn output_file_cannot_be_deleted_and_is_unreadable_when_armed() {
    let emulator = TestEmulator::start().await;
    let batch = emulator.create(&PAGES).await;
    let output = emulator.finish(&batch).await.output_file.unwrap();
    assert_eq!(emulator.client.delete_file(&output).await.unwrap_err().kind, ErrorKind::Rejected);
    emulator.once("output_file_unreadable").await;
    assert_eq!(emulator.client.get_file(&output).await.unwrap_err().kind, ErrorKind::Rejected);
    assert_eq!(emulator.client.get_file(&output).await.unwrap().name, output);
}

#[tokio::test]
async fn fault_with_a_probability_repeats_with_its_seed() {
    let mut failed = Vec::new();
    for _ in 0..2 {
        let emulator = TestEmulator::start().await;
        emulator.arm(json!({"fault": "row_error", "probability": 0.5, "seed": 42})).await;
        let lines = emulator.run(&["x"; 40]).await;
        failed.push(lines.iter().map(|line| code(&line.outcome).is_some()).collect::<Vec<_>>());
    }
    assert_eq!(failed[0], failed[1]);
    let count = failed[0].iter().filter(|failed| **failed).count();
    assert!((5..35).contains(&count), "{count}");
}
