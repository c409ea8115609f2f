//! Jobs under the issues that `docs/GEMINI.md`, "Known issues", lists.
//!
//! Tests elsewhere cover the other rows of that table: `jobs::machine` has timeouts and a success without output. `crates/gemini` has
//! states and the form of requests. `end2end/sdk` has the issues of libraries.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{End, PAGES, Site, WHOLE, always, times};
use crate::support::harness::{TestGemini, TestServer};

#[tokio::test]
async fn known_issue_of_each_row_ends_as_expected() {
    let table = vec![
        ("SUCCEEDED before the output is named", vec![times("output_late", 8)], WHOLE, 1),
        ("results out of order", vec![times("output_shuffled", 1), times("row_many_parts", 1)], WHOLE, 1),
        ("SUCCEEDED although all rows are errors", vec![always("row_error")], End::Failed("no_capacity"), 1),
        ("two rows with code 13", vec![times("row_error", 2)], WHOLE, 1),
        ("429 at create although there is room", vec![times("create_quota", 3)], WHOLE, 1),
        ("a finalize reply without `file`", vec![times("upload_names_no_file", 1)], WHOLE, 1),
        ("a create that exists and is answered with 500", vec![times("create_answers500", 1)], WHOLE, 1),
        (
            "a create answered with 500, and a listing that fails",
            vec![times("create_answers500", 1), times("poll_unavailable", 2)],
            WHOLE,
            1,
        ),
        ("404 for a batch that exists", vec![times("poll_not_found", 10)], WHOLE, 1),
        ("a row without `response`", vec![times("row_without_result", 1)], WHOLE, 1),
        ("an unknown state", vec![times("unknown_state", 2)], WHOLE, 1),
        ("a response without text", vec![times("row_max_tokens_without_text", 1)], WHOLE, 1),
        ("a missing row", vec![times("output_misses_rows", 1)], WHOLE, 1),
    ];
    Site::start(&[]).await.check(table).await;
}

/// A batch may be alive as long as its polls fail, so its pages are not read another way.
#[tokio::test]
async fn batch_stuck_in_pending_is_given_up_only_after_its_end() {
    let site = Site::start(&[("COLDBREW_PENDING_MAX_MS", "300")]).await;
    let document = site.submit(&[times("stuck_pending", 1), always("poll_unavailable")]).await;
    site.called("get_batch", 5).await;
    assert_eq!(site.calls("generate_content").await, 0, "failed polls do not show that the batch has ended");
    site.disarm().await;
    assert_eq!(document.end().await, WHOLE);
    assert_eq!((site.calls("generate_content").await, site.batches().await.len()), (PAGES, 1));
}

/// Google has refused to describe its outputs, and its lists lag.
#[tokio::test]
async fn job_without_faults_gets_no_file_and_lists_no_batch() {
    let site = Site::start(&[]).await;
    assert_eq!(site.submit(&[]).await.end().await, WHOLE);
    assert_eq!((site.calls("get_file").await, site.calls("list_batches").await), (0, 0));
}

#[tokio::test]
async fn key_refused_fails_the_job_with_key_refused() {
    let data = TempDir::new().unwrap();
    let gemini = TestGemini::start(&data).await;
    let settings = [("GEMINI_BASE_URL", gemini.base_url.as_str()), ("GEMINI_API_KEY", "invalid")];
    let server = TestServer::start(&data, &settings).await;
    let guest = server.guest().await;
    let answer = guest.submit(&guest.upload_pages(1).await, true, true).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let ticket: Value = answer.json().await.unwrap();
    let ended = guest.batch_end(ticket["content_hash"].as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("FAILED"), &json!("key_refused")));
    assert_eq!(guest.get("/v1/users/me/usage").await["reserved_tokens"], 0);
}

/// Google answers the create from an expired file with 404 or with 403.
#[tokio::test]
async fn input_file_expired_is_uploaded_again() {
    for forbidden in [vec![], vec![always("create_file_forbidden")]] {
        let site = Site::start(&[]).await;
        let busy = json!({"fault": "create_rate_limited", "times": 1, "amount": 2});
        let faults: Vec<Value> = forbidden.into_iter().chain([busy]).collect();
        let document = site.submit(&faults).await;
        site.called("create_batch", 1).await;
        site.advance_hours(49).await;
        assert_eq!(document.end().await, WHOLE);
        assert_eq!(site.batches().await.len(), 1);
        assert!(site.no_input_is_left().await);
    }
}

#[tokio::test]
async fn batch_cancelled_too_late_gives_its_results() {
    let site = Site::start(&[("COLDBREW_PENDING_MAX_MS", "300")]).await;
    site.control(reqwest::Method::POST, "/settings", Some(json!({"pending_ms": 1_000, "running_ms": 0}))).await;
    site.check(vec![("the batch runs on after the cancel", vec![times("cancel_ignored", 1)], WHOLE, 1)]).await;
    assert!(site.calls("cancel_batch").await > 0);
}
