//! Section 7, "Known issues → what a robust client does", by the numbers of its rows.
//!
//! Not here, for they are no matter of a whole product: 3's end, 16 and 19 are rows of `jobs::machine` and of the states in
//! `gemini::tests::batches`; 8, 22 and 23 of `gemini::tests::requests`; 28 is a state there; 4, 21, 24, 25 and 27 concern
//! libraries, and are checked from their side by `end2end/sdk`.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{End, Site, WHOLE, always, but_for, times};
use crate::support::harness::{TestGemini, TestServer};

#[tokio::test]
async fn rows() {
    let table = vec![
        ("3: SUCCEEDED seen before an output was named", vec![times("output_late", 8)], WHOLE, 1),
        ("5: order not preserved", vec![times("output_shuffled", 1), times("row_many_parts", 1)], WHOLE, 1),
        ("6: all rows are errors, yet SUCCEEDED", vec![always("row_error")], End::Failed("no_usable_page"), 1),
        ("7: some rows end with code 13", vec![times("row_error", 2)], but_for(2), 1),
        ("9: 429 at create though there is room", vec![times("create_quota", 3)], WHOLE, 1),
        ("13: finalize reply without `file`", vec![times("upload_names_no_file", 1)], WHOLE, 1),
        ("15: the create is answered with 500", vec![times("create_answers500", 1)], WHOLE, 1),
        (
            "15: 500, and the listing fails too",
            vec![times("create_answers500", 1), times("poll_unavailable", 2)],
            WHOLE,
            1,
        ),
        ("18: false 404s", vec![times("poll_not_found", 10)], WHOLE, 1),
        ("20: a row without `response`", vec![times("row_without_result", 1)], but_for(1), 1),
        ("26: an unknown state is no failure", vec![times("unknown_state", 2)], WHOLE, 1),
        ("26: no text is no success", vec![times("row_max_tokens_without_text", 1)], but_for(1), 1),
        ("26: missing keys are noticed", vec![times("output_misses_rows", 1)], but_for(1), 1),
    ];
    Site::start(&[]).await.check(table).await;
}

/// 1: withdrawn after a day, put in line once more; and a job is never made twice while the first may still be alive.
#[tokio::test]
async fn row_1_a_stuck_batch_is_followed_by_one_other_and_only_when_it_is_over() {
    let site = Site::start(&[("COLDBREW_PENDING_MAX_MS", "300")]).await;
    let document = site.submit(&[times("stuck_pending", 1), always("poll_unavailable")]).await;
    site.called("get_batch", 5).await;
    assert_eq!(site.calls("create_batch").await, 1, "errors are no evidence that it is over");
    site.disarm().await;
    assert_eq!(document.end().await, WHOLE);
    assert_eq!(site.batches().await.len(), 2);
}

/// 12 and 18: an output is downloaded without asking for it first, and a batch is looked at by name, never by listing.
#[tokio::test]
async fn rows_12_and_18_nothing_is_asked_for_that_misleads() {
    let site = Site::start(&[]).await;
    assert_eq!(site.submit(&[]).await.end().await, WHOLE);
    assert_eq!((site.calls("get_file").await, site.calls("list_batches").await), (0, 0));
}

/// 14: a key that is refused is a matter for whoever runs the server, and is called that.
#[tokio::test]
async fn row_14_a_refused_key_is_called_that() {
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

/// 14's other half: an input file that has gone away in the meantime, whichever way Google says so, is uploaded again.
#[tokio::test]
async fn row_14_an_input_that_is_gone_is_uploaded_again() {
    for says_so in [vec![], vec![always("create_file_forbidden")]] {
        let site = Site::start(&[]).await;
        let busy = json!({"fault": "create_rate_limited", "times": 1, "amount": 2});
        let faults: Vec<Value> = says_so.into_iter().chain([busy]).collect();
        let document = site.submit(&faults).await;
        site.called("create_batch", 1).await;
        site.advance_hours(49).await;
        assert_eq!(document.end().await, WHOLE);
        assert_eq!(site.batches().await.len(), 1);
        assert!(site.no_input_is_left().await);
    }
}

/// 17: what was withdrawn is looked at once more, and its results are taken if there are any.
#[tokio::test]
async fn row_17_results_of_a_batch_that_was_given_up_are_taken() {
    let site = Site::start(&[("COLDBREW_PENDING_MAX_MS", "300")]).await;
    site.control(reqwest::Method::POST, "/settings", Some(json!({"pending_ms": 1_000, "running_ms": 0}))).await;
    site.check(vec![("it goes on after the cancel", vec![times("cancel_ignored", 1)], WHOLE, 1)]).await;
    assert!(site.calls("cancel_batch").await > 0);
}
