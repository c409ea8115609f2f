//! The faults of content: recitation, loops, HTML and headings, and the mix of faults for books.

use bytes::Bytes;
use serde_json::json;

use super::harness::{HOUR, MODEL, TestEmulator, answer, keys};
use coldbrew_gemini::jsonl::Outcome;
use coldbrew_gemini::{Answer, BatchState, ErrorKind, GenerationConfig, Request, ServiceTier};

const PAGE: &str = "Call me Ishmael. Some years ago, never mind how long precisely, I thought I would sail about.";

impl TestEmulator {
    async fn read(&self, model: &str, page: &str, prompt: &str, tier: ServiceTier) -> Answer {
        let request = Request::page("application/pdf", Bytes::copy_from_slice(page.as_bytes()), prompt);
        self.client.generate_content(model, &request, tier).await.unwrap()
    }
}

fn is_refused(answer: &Answer) -> bool {
    assert_eq!(answer.text.is_empty(), answer.finish_reason.as_deref() == Some("RECITATION"));
    answer.text.is_empty()
}

#[tokio::test]
async fn page_refused_as_recitation_passes_only_with_another_model_or_its_own_text() {
    let emulator = TestEmulator::start().await;
    emulator.arm(json!({"fault": "row_recitation_sticky"})).await;
    assert!(is_refused(answer(&emulator.run(&[PAGE]).await[0])));
    for tier in [ServiceTier::Standard, ServiceTier::Flex, ServiceTier::Standard] {
        assert!(is_refused(&emulator.read(MODEL, PAGE, "Transcribe this page. Call me Ishmael.", tier).await));
    }
    let prompt = format!("Correct this text against the page:\n{}", PAGE.replace(' ', "\n"));
    assert!(!is_refused(&emulator.read(MODEL, PAGE, &prompt, ServiceTier::Standard).await));
    assert!(!is_refused(&emulator.read("gemini-3.5-flash-lite", PAGE, "Transcribe.", ServiceTier::Flex).await));
    assert!(is_refused(&emulator.read(MODEL, PAGE, "Transcribe.", ServiceTier::Standard).await), "still");
}

#[tokio::test]
async fn recitation_meets_the_same_share_of_pages_with_the_same_seed() {
    let pages: Vec<String> = (0..200).map(|page| format!("The words of page {page}.")).collect();
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let mut refused = Vec::new();
    for seed in [1, 1, 2] {
        let emulator = TestEmulator::start().await;
        emulator.arm(json!({"fault": "row_recitation_sticky", "probability": 0.2, "seed": seed})).await;
        let lines = emulator.run(&pages).await;
        refused.push(lines.iter().map(|line| is_refused(answer(line))).collect::<Vec<_>>());
    }
    assert!(refused[0] == refused[1] && refused[0] != refused[2]);
    let count = refused[0].iter().filter(|refused| **refused).count();
    assert!((25..55).contains(&count), "{count}");
}

#[tokio::test]
async fn page_that_loops_repeats_a_unit_to_the_limit_or_stops_earlier() {
    let dense = "第一回宴桃園豪傑三結義斬黃巾英雄首立功話說天下大勢分久必合合久必分周末七國分爭并入於秦及秦滅之後楚漢分爭又并入於漢";
    let table = "Contents of this volume\n\n| a | 1 |\n| - | - |\n| b | 2 |";
    for (page, fault, reason) in [
        (PAGE, "row_loops", "MAX_TOKENS"),
        (dense, "row_loops", "MAX_TOKENS"),
        (table, "row_loops", "MAX_TOKENS"),
        (PAGE, "row_loops_stop", "STOP"),
        (dense, "row_loops_stop", "STOP"),
    ] {
        let emulator = TestEmulator::start().await;
        emulator.arm(json!({"fault": fault})).await;
        let config = GenerationConfig { max_output_tokens: Some(2_000), ..GenerationConfig::default() };
        let request = Request {
            generation_config: config,
            ..Request::page("application/pdf", Bytes::copy_from_slice(page.as_bytes()), "Transcribe.")
        };
        let looped = emulator.client.generate_content(MODEL, &request, ServiceTier::Standard).await.unwrap();
        assert_eq!(looped.finish_reason.as_deref(), Some(reason), "{page}");
        let beginning: String = page.chars().take(page.chars().count() / 3).collect();
        assert!(looped.text.starts_with(&beginning), "{}", looped.text);
        let end: String = looped.text.chars().skip(looped.text.chars().count() - 400).collect();
        let chars: Vec<char> = end.chars().collect();
        let period = (1..200).find(|&period| chars[period..] == chars[..chars.len() - period]);
        assert!(period.is_some(), "the end repeats: {end}");
        let billed = looped.usage.candidates_tokens + looped.usage.thoughts_tokens;
        assert_eq!(billed == 2_000, reason == "MAX_TOKENS", "{billed}");
    }
}

#[tokio::test]
async fn html_and_headings_change_only_when_armed_but_for_merged_cells() {
    let plain = "## Part\n\nText.\n\n### Section\n\n| a | b |\n| - | - |\n| 1; 2 | x |\n|  | y |\n";
    let merged = "| Year | Cups |  |\n| --- | --- | --- |\n| 2025 | 1 | 2 |";
    let emulator = TestEmulator::start().await;
    let read = async |page: &str| emulator.read(MODEL, page, "Transcribe.", ServiceTier::Standard).await.text;
    assert_eq!(read(plain).await, plain);
    let table = read(merged).await;
    assert!(table.starts_with("<table>\n<tr><th>Year</th><th colspan=\"2\">Cups</th></tr>"), "{table}");
    emulator.arm(json!({"fault": "row_drifted_headings"})).await;
    assert!(read(plain).await.starts_with("# Part\n\nText.\n\n## Section"));
    assert_eq!(read("A line.\n\nMore.").await, "# A line.\n\nMore.");
    emulator.call("DELETE", "_control/faults", None).await;
    emulator.arm(json!({"fault": "row_html"})).await;
    let html = read(plain).await;
    assert!(html.contains("<tr><td rowspan=\"2\">1;<br>2</td><td>x</td></tr>\n<tr><td>y</td></tr>"), "{html}");
    assert_eq!(read("A line of H2O.\n\nMore.").await, "A line of H<sub>2</sub>O.<sup>1</sup>\n\nMore.");
}

#[tokio::test]
async fn fault_armed_for_a_text_meets_only_requests_with_it() {
    let emulator = TestEmulator::start().await;
    emulator.arm(json!({"fault": "row_recitation", "only": "page_1"})).await;
    emulator.arm(json!({"fault": "row_loops_stop", "only": "three"})).await;
    emulator.arm(json!({"fault": "create_quota", "only": "another job"})).await;
    let lines = emulator.run(&["one", "two", "three"]).await;
    let odd: Vec<bool> = lines.iter().map(|line| answer(line).text.is_empty()).collect();
    assert_eq!(odd, [false, true, false], "by its key");
    assert!(answer(&lines[2]).text.len() > 1_000 && answer(&lines[0]).text == "one", "by its page");
    let input = emulator.input(&["one"]).await;
    let error = emulator.client.create_batch(MODEL, "another job", &input.name).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Quota { .. }), "by its display name");
}

#[tokio::test]
async fn mix_for_books_meets_the_announced_shares() {
    let emulator = TestEmulator::start().await;
    let (status, _) = emulator.call("POST", "_control/mixes", Some(json!({"mix": "books", "seed": 1}))).await;
    assert_eq!(status, 200);
    let pages: Vec<String> = (0..400).map(|page| format!("The words of page {page}, which has no other.")).collect();
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let first = emulator.create(&pages[..1]).await;
    assert_eq!(emulator.finish(&first).await.state, BatchState::Expired);
    let lines = emulator.run(&pages).await;
    let count = |is: &dyn Fn(&Outcome) -> bool| lines.iter().filter(|line| is(&line.outcome)).count();
    let missing = pages.len() - lines.len();
    let failed = count(&|outcome| matches!(outcome, Outcome::Error(status) if status.code == 13));
    let refused = count(&|outcome| matches!(outcome, Outcome::Response(answer) if is_refused(answer)));
    let looped = count(&|outcome| matches!(outcome, Outcome::Response(answer) if answer.text.len() > 1_000));
    assert!((1..12).contains(&missing) && (4..24).contains(&failed), "{missing} missing, {failed} failed");
    assert!((55..105).contains(&refused) && (8..36).contains(&looped), "{refused} refused, {looped} looped");
    assert!(!keys(&lines).contains(&"-"));
}

#[tokio::test]
async fn batch_fault_runs_past_48_hours_or_expires_early_or_counts_fewer() {
    let emulator = TestEmulator::start().await;
    emulator.once("batch_runs_forever").await;
    let batch = emulator.create(&["one"]).await;
    emulator.advance(60 * HOUR);
    assert_eq!(emulator.client.get_batch(&batch.name).await.unwrap().state, BatchState::Running);
    emulator.client.cancel_batch(&batch.name).await.unwrap();
    assert_eq!(emulator.client.get_batch(&batch.name).await.unwrap().state, BatchState::Cancelled);
    emulator.once("batch_expires").await;
    let batch = emulator.create(&["one"]).await;
    let expired = emulator.finish(&batch).await;
    assert_eq!((expired.state, expired.output_file), (BatchState::Expired, None));
    emulator.arm(json!({"fault": "create_counts_fewer", "times": 1, "amount": 2})).await;
    let batch = emulator.create(&["one", "two", "three"]).await;
    let done = emulator.finish(&batch).await;
    assert_eq!((batch.stats.requests, done.stats.succeeded), (1, 1));
    assert_eq!(keys(&emulator.results(&done).await), ["page_0"]);
}
