//! Section 9.5, "Fault switches worth having": each of them, and what becomes of a document of three pages.
//!
//! Whatever the fault, what is not a document is not charged, what is reserved is given back, no page has another's text, and no
//! input file is left at Google: [`Site::check`] checks that in every row.

use serde_json::json;

use super::{End, Site, WHOLE, always, but_for, times};

#[tokio::test]
async fn upload() {
    let table = vec![
        ("drop connection mid-chunk", vec![times("upload_drops_chunk", 2)], WHOLE, 1),
        ("omit status header", vec![times("upload_omits_status", 1)], WHOLE, 1),
        ("lose the finalize reply", vec![times("upload_loses_finalize", 1)], WHOLE, 1),
        ("finalize without `file`", vec![times("upload_names_no_file", 1)], WHOLE, 1),
        ("`upload, finalize` answered `active`", vec![times("upload_stays_active", 1)], WHOLE, 1),
        ("the session is forgotten", vec![times("upload_forgotten", 1)], WHOLE, 1),
        ("PROCESSING for n polls", vec![json!({"fault": "file_processing", "times": 1, "amount": 2})], WHOLE, 1),
        ("FAILED", vec![times("file_failed", 1)], End::Failed("refused_upstream"), 0),
    ];
    Site::start(&[]).await.check(table).await;
}

/// Storage-full, with the endless hint: nobody sleeps for it, and nobody presses Google.
#[tokio::test]
async fn upload_to_a_full_storage() {
    let site = Site::start(&[]).await;
    let document = site.submit(&[always("storage_full")]).await;
    site.called("upload", 1).await;
    // Long enough for several more, if anybody were to press.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(document.status().await["status"], "PREPARING", "it waits for room");
    assert_eq!((site.calls("upload").await, site.batches().await.len()), (1, 0));
}

#[tokio::test]
async fn create() {
    let table = vec![
        ("accept-then-500 (job exists!)", vec![times("create_answers500", 1)], WHOLE, 1),
        ("accept-then-reset", vec![times("create_hangs_up", 1)], WHOLE, 1),
        ("429 Help-only", vec![times("create_quota", 2)], WHOLE, 1),
        ("429 with RetryInfo", vec![json!({"fault": "create_rate_limited", "times": 1, "amount": 1})], WHOLE, 1),
        ("400 line errors", vec![times("create_line_errors", 1)], End::Failed("refused_upstream"), 0),
    ];
    Site::start(&[]).await.check(table).await;
}

#[tokio::test]
async fn poll() {
    let table = vec![
        ("PENDING→SUCCEEDED jump", vec![times("never_running", 1)], WHOLE, 1),
        ("RUNNING with growing successes", vec![always("growing_successes")], WHOLE, 1),
        ("unknown state string", vec![times("unknown_state", 3)], WHOLE, 1),
        ("JOB_STATE_* prefix", vec![always("job_state_prefix")], WHOLE, 1),
        ("503 bursts", vec![times("poll_unavailable", 5)], WHOLE, 1),
        ("HTML 502 bursts", vec![times("poll_bad_gateway", 5)], WHOLE, 1),
        ("connection resets", vec![times("poll_hangs_up", 3)], WHOLE, 1),
        ("404 for another project's key, for a while", vec![times("poll_not_found", 5)], WHOLE, 1),
        ("SUCCEEDED without output for n polls", vec![times("output_late", 5)], WHOLE, 1),
        ("SUCCEEDED and only `response`", vec![always("output_only_in_response")], WHOLE, 1),
        ("SUCCEEDED and only `metadata.output`", vec![always("output_only_in_metadata")], WHOLE, 1),
        ("FAILED with error", vec![times("batch_fails", 1)], End::Failed("failed_upstream"), 1),
        ("FAILED without error", vec![times("batch_fails_without_error", 1)], End::Failed("failed_upstream"), 1),
    ];
    Site::start(&[]).await.check(table).await;
}

/// The rows of a batch that Google does not start.
#[tokio::test]
async fn poll_of_a_batch_that_does_not_start() {
    let impatient = [("COLDBREW_PENDING_MAX_MS", "400")];
    let table = vec![
        ("stuck PENDING: withdrawn, and once more put in line", vec![times("stuck_pending", 1)], WHOLE, 2),
        ("stuck PENDING twice", vec![times("stuck_pending", 2)], End::Failed("never_started"), 2),
    ];
    Site::start(&impatient).await.check(table).await;
}

/// It was asked to stop, and goes on: its results are taken, and there is no second batch.
#[tokio::test]
async fn poll_of_a_batch_that_succeeds_after_cancel() {
    let slow = [("COLDBREW_PENDING_MAX_MS", "400"), ("COLDBREW_POLL_INTERVAL_MS", "50")];
    let site = Site::start(&slow).await;
    let settings = json!({"pending_ms": 1_500, "running_ms": 300});
    site.control(reqwest::Method::POST, "/settings", Some(settings)).await;
    assert_eq!(site.submit(&[times("cancel_ignored", 1)]).await.end().await, WHOLE);
    assert!(site.calls("cancel_batch").await > 0);
    assert_eq!(site.batches().await.len(), 1);
}

/// EXPIRED at 48 hours of Google's clock.
#[tokio::test]
async fn poll_of_a_batch_that_expires() {
    let site = Site::start(&[]).await;
    let document = site.submit(&[times("stuck_pending", 1)]).await;
    site.called("get_batch", 1).await;
    site.advance_hours(47).await;
    let polls = site.calls("get_batch").await;
    site.called("get_batch", polls + 3).await;
    assert_eq!(document.status().await["status"], "PENDING");
    site.advance_hours(1).await;
    assert_eq!(document.end().await, End::Expired);
    assert!(site.no_input_is_left().await);
}

#[tokio::test]
async fn output() {
    let row_error = |amount: u32| json!({"fault": "row_error", "times": 1, "amount": amount});
    let table = vec![
        ("shuffled order", vec![times("output_shuffled", 1)], WHOLE, 1),
        ("missing keys", vec![times("output_misses_rows", 1)], but_for(1), 1),
        ("duplicated keys", vec![times("output_doubles_rows", 1)], WHOLE, 1),
        ("line without key", vec![times("output_keyless_row", 1)], but_for(1), 1),
        ("`status` instead of `error`", vec![times("output_status_for_error", 1), row_error(13)], but_for(1), 1),
        ("error-only file", vec![always("row_error")], End::Failed("no_usable_page"), 1),
        ("empty file", vec![times("output_empty", 1)], End::Failed("no_usable_page"), 1),
        ("truncated last line", vec![times("output_cut_off", 1)], but_for(1), 1),
        ("blank lines", vec![times("output_blank_lines", 1)], WHOLE, 1),
        ("CRLF", vec![times("output_crlf", 1)], WHOLE, 1),
        ("mid-download reset", vec![times("download_hangs_up", 2)], WHOLE, 1),
        ("blocked prompt", vec![times("row_blocked", 1)], but_for(1), 1),
        ("RECITATION", vec![times("row_recitation", 1)], but_for(1), 1),
        ("SAFETY", vec![times("row_safety", 1)], but_for(1), 1),
        ("MAX_TOKENS with text", vec![times("row_max_tokens", 1)], WHOLE, 1),
        ("MAX_TOKENS without text", vec![times("row_max_tokens_without_text", 1)], but_for(1), 1),
        ("thought-only parts: a page with no text", vec![times("row_thoughts_only", 1)], WHOLE, 1),
        ("multi-part text", vec![times("row_many_parts", 3)], WHOLE, 1),
        ("absent usageMetadata", vec![times("row_without_usage", 1)], WHOLE, 1),
        ("very long line (> 1 MB)", vec![times("row_long", 1)], WHOLE, 1),
        ("a line with no result", vec![times("row_without_result", 1)], but_for(1), 1),
        ("delete: 400 on output files", vec![], WHOLE, 1),
    ];
    Site::start(&[]).await.check(table).await;
}

/// `modelVersion` different from the request: it is priced and kept as ever, and the receipt says so.
#[tokio::test]
async fn output_of_another_model() {
    let site = Site::start(&[]).await;
    let document = site.submit(&[times("row_other_model", 1)]).await;
    assert_eq!(document.end().await, WHOLE);
    let usage = document.guest.get("/v1/users/me/usage").await;
    assert_eq!(usage["receipts"][0]["answered_by"], json!(["gemini-3.5-flash-lite"]));
}

/// Cancelled jobs still counted against enqueued tokens: there is no room until there is, and then one batch.
#[tokio::test]
async fn enqueued_tokens_that_a_cancelled_batch_still_holds() {
    let site = Site::start(&[("COLDBREW_PENDING_MAX_MS", "400")]).await;
    let full = json!({"pending_ms": 100, "running_ms": 100, "enqueued_tokens_max": 3_500, "cancelled_count_as_enqueued": true});
    site.control(reqwest::Method::POST, "/settings", Some(full)).await;
    let document = site.submit(&[times("stuck_pending", 1)]).await;
    // The first is made and cancelled; others are refused while it counts.
    site.called("create_batch", 3).await;
    assert_eq!(site.batches().await.len(), 1);
    let roomy = json!({"pending_ms": 100, "running_ms": 100});
    site.control(reqwest::Method::POST, "/settings", Some(roomy)).await;
    assert_eq!(document.end().await, WHOLE);
    assert_eq!(site.batches().await.len(), 2);
}
