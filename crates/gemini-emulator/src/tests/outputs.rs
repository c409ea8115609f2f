//! Outputs and rows, with everything that is known to be odd about them.

use serde_json::json;

use super::lab::{Lab, answer, keys};
use coldbrew_gemini::jsonl::{Oddity, Outcome};
use coldbrew_gemini::{BatchState, ErrorKind, models};

const PAGES: [&str; 5] = ["zero", "one", "two", "three", "four"];

#[tokio::test]
async fn outputs_are_odd_in_every_way() {
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
        let lab = Lab::start().await;
        lab.once(fault).await;
        let lines = lab.run(&PAGES).await;
        assert_eq!(keys(&lines), expected, "{fault}");
        for line in lines.iter().filter(|line| line.key.is_some()) {
            let index: usize = line.key.as_ref().unwrap().strip_prefix("page_").unwrap().parse().unwrap();
            assert_eq!(answer(line).text, PAGES[index], "{fault}");
        }
    }
}

#[tokio::test]
async fn the_bytes_of_odd_outputs_are_odd() {
    let lab = Lab::start().await;
    for (fault, sign) in [("output_blank_lines", "\n\n"), ("output_crlf", "\r\n")] {
        lab.once(fault).await;
        let batch = lab.create(&PAGES).await;
        let done = lab.finish(&batch).await;
        assert_eq!(lab.output(&done).await.matches(sign).count(), 5, "{fault}");
    }
    lab.once("output_cut_off").await;
    let batch = lab.create(&PAGES).await;
    let lines = lab.results(&lab.finish(&batch).await).await;
    assert_eq!(lines.last().unwrap().outcome, Outcome::Unrecognised(Oddity::CutOff));
}

#[tokio::test]
async fn a_row_may_fail_while_its_batch_succeeds() {
    let lab = Lab::start().await;
    let batch = lab.create(&["zero", "unreadable", "unavailable"]).await;
    let done = lab.finish(&batch).await;
    assert_eq!((&done.state, done.stats.succeeded, done.stats.failed), (&BatchState::Succeeded, 1, 2));
    let codes: Vec<_> = lab.results(&done).await.into_iter().map(|line| code(&line.outcome)).collect();
    assert_eq!(codes, [None, Some(3), Some(14)]);
    lab.arm(json!({"fault": "row_error", "amount": 8, "skip": 1, "times": 1})).await;
    lab.once("output_status_for_error").await;
    let batch = lab.create(&PAGES).await;
    let done = lab.finish(&batch).await;
    assert!(lab.output(&done).await.contains("\"status\":{\"code\":8"));
    let codes: Vec<_> = lab.results(&done).await.into_iter().map(|line| code(&line.outcome)).collect();
    assert_eq!(codes, [None, Some(8), None, None, None]);
}

#[tokio::test]
async fn all_rows_may_fail() {
    let lab = Lab::start().await;
    lab.arm(json!({"fault": "row_error"})).await;
    let batch = lab.create(&PAGES).await;
    let done = lab.finish(&batch).await;
    assert_eq!((&done.state, done.stats.failed), (&BatchState::Succeeded, 5));
    assert!(lab.results(&done).await.iter().all(|line| code(&line.outcome) == Some(13)));
}

fn code(outcome: &Outcome) -> Option<i64> {
    match outcome {
        Outcome::Error(status) => Some(status.code),
        _ => None,
    }
}

#[tokio::test]
async fn responses_are_odd_in_every_way() {
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
        let lab = Lab::start().await;
        lab.once(fault).await;
        let lines = lab.run(&PAGES).await;
        let odd = answer(&lines[0]);
        let seen = (odd.text.as_str(), odd.finish_reason.as_deref(), odd.block_reason.as_deref());
        assert_eq!(seen, (text, finish, block), "{fault}");
        assert_eq!(odd.usage.total_tokens == 0, fault == "row_without_usage", "{fault}");
        let is_same = models::is_same(super::lab::MODEL, odd.model_version.as_deref().unwrap());
        assert_eq!(is_same, fault != "row_other_model", "{fault}");
        assert_eq!(answer(&lines[1]).text, "one", "{fault}: once only");
    }
}

#[tokio::test]
async fn a_row_may_be_very_long_or_say_nothing() {
    let lab = Lab::start().await;
    lab.once("row_long").await;
    lab.arm(json!({"fault": "row_without_result", "skip": 1, "times": 1})).await;
    let lines = lab.run(&PAGES).await;
    assert!(answer(&lines[0]).text.len() > 1_000_000);
    assert_eq!(lines[1].outcome, Outcome::Unrecognised(Oddity::NoResult));
}

#[tokio::test]
async fn a_download_that_breaks_off_is_begun_anew() {
    let lab = Lab::start().await;
    let batch = lab.create(&PAGES).await;
    let done = lab.finish(&batch).await;
    lab.arm(json!({"fault": "download_hangs_up", "times": 2})).await;
    assert_eq!(lab.results(&done).await.len(), 5);
    assert_eq!(lab.calls("download").await, 3);
}

#[tokio::test]
async fn outputs_cannot_be_deleted_and_were_once_unreadable() {
    let lab = Lab::start().await;
    let batch = lab.create(&PAGES).await;
    let output = lab.finish(&batch).await.output_file.unwrap();
    assert_eq!(lab.client.delete_file(&output).await.unwrap_err().kind, ErrorKind::Rejected);
    lab.once("output_file_unreadable").await;
    assert_eq!(lab.client.get_file(&output).await.unwrap_err().kind, ErrorKind::Rejected);
    assert_eq!(lab.client.get_file(&output).await.unwrap().name, output);
}

#[tokio::test]
async fn faults_by_chance_are_the_same_for_the_same_seed() {
    let mut failed = Vec::new();
    for _ in 0..2 {
        let lab = Lab::start().await;
        lab.arm(json!({"fault": "row_error", "probability": 0.5, "seed": 42})).await;
        let lines = lab.run(&["x"; 40]).await;
        failed.push(lines.iter().map(|line| code(&line.outcome).is_some()).collect::<Vec<_>>());
    }
    assert_eq!(failed[0], failed[1]);
    let count = failed[0].iter().filter(|failed| **failed).count();
    assert!((5..35).contains(&count), "{count}");
}
