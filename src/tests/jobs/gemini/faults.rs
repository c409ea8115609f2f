//! Jobs under each fault that `docs/GEMINI.md`, "Fault switches", lists. Each job has a document of three pages.

use serde_json::json;

use super::{End, Site, Submitted, WHOLE, always, but_for, second_page_refused, times};

#[tokio::test]
async fn upload_fault_of_each_row_ends_as_expected() {
    let table = vec![
        ("a connection that drops within a chunk", vec![times("upload_drops_chunk", 2)], WHOLE, 1),
        ("no status header", vec![times("upload_omits_status", 1)], WHOLE, 1),
        ("no finalize reply", vec![times("upload_loses_finalize", 1)], WHOLE, 1),
        ("a finalize reply without `file`", vec![times("upload_names_no_file", 1)], WHOLE, 1),
        ("`upload, finalize` answered with `active`", vec![times("upload_stays_active", 1)], WHOLE, 1),
        ("a lost session", vec![times("upload_forgotten", 1)], WHOLE, 1),
        ("PROCESSING for two polls", vec![json!({"fault": "file_processing", "times": 1, "amount": 2})], WHOLE, 1),
        ("FAILED", vec![times("file_failed", 1)], End::Failed("refused_upstream"), 0),
    ];
    Site::start(&[]).await.check(table).await;
}

/// The delay that Google sends for a full storage is 292 billion years.
#[tokio::test]
async fn upload_to_a_full_storage_waits_without_another_request() {
    let site = Site::start(&[]).await;
    let document = site.submit(&[always("storage_full")]).await;
    site.called("upload", 1).await;
    // Long enough for several more uploads at the retry interval of 50 ms.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(document.status().await["status"], "PREPARING", "the job waits for storage");
    assert_eq!((site.calls("upload").await, site.batches().await.len()), (1, 0));
}

#[tokio::test]
async fn create_fault_of_each_row_ends_as_expected() {
    let table = vec![
        ("500 although the batch exists", vec![times("create_answers500", 1)], WHOLE, 1),
        ("a dropped connection although the batch exists", vec![times("create_hangs_up", 1)], WHOLE, 1),
        ("429 with Help only", vec![times("create_quota", 2)], WHOLE, 1),
        ("429 with RetryInfo", vec![json!({"fault": "create_rate_limited", "times": 1, "amount": 1})], WHOLE, 1),
        ("400 that names a line", vec![times("create_line_errors", 1)], End::Failed("refused_upstream"), 0),
        ("400 that names `store`", vec![always("store_refused")], WHOLE, 1),
        ("fewer requests than lines", vec![times("create_counts_fewer", 1)], WHOLE, 1),
    ];
    Site::start(&[]).await.check(table).await;
}

#[tokio::test]
async fn poll_fault_of_each_row_ends_as_expected() {
    let table = vec![
        ("SUCCEEDED after PENDING without RUNNING", vec![times("never_running", 1)], WHOLE, 1),
        ("RUNNING with growing successes", vec![always("growing_successes")], WHOLE, 1),
        ("an unknown state", vec![times("unknown_state", 3)], WHOLE, 1),
        ("a state with the prefix JOB_STATE", vec![always("job_state_prefix")], WHOLE, 1),
        ("503 for five polls", vec![times("poll_unavailable", 5)], WHOLE, 1),
        ("502 as HTML for five polls", vec![times("poll_bad_gateway", 5)], WHOLE, 1),
        ("dropped connections", vec![times("poll_hangs_up", 3)], WHOLE, 1),
        ("404 for five polls", vec![times("poll_not_found", 5)], WHOLE, 1),
        ("SUCCEEDED without output for five polls", vec![times("output_late", 5)], WHOLE, 1),
        ("an output only in `response`", vec![always("output_only_in_response")], WHOLE, 1),
        ("an output only in `metadata.output`", vec![always("output_only_in_metadata")], WHOLE, 1),
        ("FAILED with an error", vec![times("batch_fails", 1)], WHOLE, 1),
        ("FAILED without an error", vec![times("batch_fails_without_error", 1)], WHOLE, 1),
    ];
    Site::start(&[]).await.check(table).await;
}

/// No second batch is made: it would be stuck in the same queue.
#[tokio::test]
async fn batch_stuck_in_pending_is_cancelled_and_its_pages_are_read_by_calls() {
    let impatient = [("COLDBREW_PENDING_MAX_MS", "400")];
    let table = vec![("a stuck batch", vec![always("stuck_pending")], WHOLE, 1)];
    Site::start(&impatient).await.check(table).await;
}

#[tokio::test]
async fn batch_that_succeeds_after_its_cancel_is_not_replaced() {
    let slow = [("COLDBREW_PENDING_MAX_MS", "400"), ("COLDBREW_POLL_INTERVAL_MS", "50")];
    let site = Site::start(&slow).await;
    let settings = json!({"pending_ms": 1_500, "running_ms": 300});
    site.control(reqwest::Method::POST, "/settings", Some(settings)).await;
    assert_eq!(site.submit(&[times("cancel_ignored", 1)]).await.end().await, WHOLE);
    assert!(site.calls("cancel_batch").await > 0);
    assert_eq!(site.batches().await.len(), 1);
}

#[tokio::test]
async fn pages_of_a_batch_expired_after_48_hours_are_read_by_calls() {
    let site = Site::start(&[]).await;
    let document = site.submit(&[times("stuck_pending", 1)]).await;
    site.called("get_batch", 1).await;
    site.advance_hours(47).await;
    let polls = site.calls("get_batch").await;
    site.called("get_batch", polls + 3).await;
    assert_eq!(document.status().await["status"], "PENDING");
    site.advance_hours(1).await;
    assert_eq!(document.end().await, WHOLE);
    assert!(site.no_input_is_left().await);
}

#[tokio::test]
async fn output_fault_of_each_row_ends_as_expected() {
    let row_error = |amount: u32| json!({"fault": "row_error", "times": 1, "amount": amount});
    let table = vec![
        ("shuffled lines", vec![times("output_shuffled", 1)], WHOLE, 1),
        ("a missing line", vec![times("output_misses_rows", 1)], WHOLE, 1),
        ("a doubled line", vec![times("output_doubles_rows", 1)], WHOLE, 1),
        ("a line without a key", vec![times("output_keyless_row", 1)], WHOLE, 1),
        ("`status` in place of `error`", vec![times("output_status_for_error", 1), row_error(13)], WHOLE, 1),
        ("a file with errors only, and no call answered", vec![always("row_error")], End::Failed("no_capacity"), 1),
        ("an empty file", vec![times("output_empty", 1)], WHOLE, 1),
        ("SAFETY for a page in every way", vec![second_page_refused()], but_for(1), 1),
        ("RECITATION for every way", vec![always("row_recitation")], End::Failed("no_usable_page"), 1),
        ("a truncated last line", vec![times("output_cut_off", 1)], WHOLE, 1),
        ("blank lines", vec![times("output_blank_lines", 1)], WHOLE, 1),
        ("CRLF", vec![times("output_crlf", 1)], WHOLE, 1),
        ("a download that drops twice", vec![times("download_hangs_up", 2)], WHOLE, 1),
        ("a blocked prompt", vec![times("row_blocked", 1)], WHOLE, 1),
        ("RECITATION", vec![times("row_recitation", 1)], WHOLE, 1),
        ("SAFETY", vec![times("row_safety", 1)], WHOLE, 1),
        ("MAX_TOKENS with text", vec![times("row_max_tokens", 1)], WHOLE, 1),
        ("MAX_TOKENS without text", vec![times("row_max_tokens_without_text", 1)], WHOLE, 1),
        ("parts with thoughts only, which is a blank page", vec![times("row_thoughts_only", 1)], WHOLE, 1),
        ("text in several parts", vec![times("row_many_parts", 3)], WHOLE, 1),
        ("no usageMetadata", vec![times("row_without_usage", 1)], WHOLE, 1),
        ("a line of more than 1 MB", vec![times("row_long", 1)], WHOLE, 1),
        ("a line without a result", vec![times("row_without_result", 1)], WHOLE, 1),
        ("an output that cannot be deleted", vec![], WHOLE, 1),
    ];
    Site::start(&[]).await.check(table).await;
}

#[tokio::test]
async fn output_of_another_model_is_named_on_the_receipt() {
    let site = Site::start(&[]).await;
    let document = site.submit(&[times("row_other_model", 1)]).await;
    assert_eq!(document.end().await, WHOLE);
    let usage = document.guest.get("/v1/users/me/usage").await;
    assert_eq!(usage["receipts"][0]["answered_by"], json!(["gemini-3.5-flash-lite"]));
}

#[tokio::test]
async fn requests_of_batches_and_realtime_jobs_forbid_storage() {
    let site = Site::start(&[]).await;
    assert_eq!(site.submit(&[]).await.end().await, WHOLE);
    let guest = site.server.guest().await;
    let prepared = guest.upload("now.pdf", coldbrew_pdf::testing::simple_pdf(&["A page."])).await;
    let answer = guest.submit(&prepared.json().await.unwrap(), true, false).await;
    assert_eq!(answer.status(), reqwest::StatusCode::ACCEPTED);
    site.called("generate_content", 1).await;
    assert_eq!(site.control(reqwest::Method::GET, "", None).await["unprotected_requests"], 0);
}

/// Other programs of the same project share Google's limit, so the server's own ledger has room.
#[tokio::test]
async fn create_beyond_the_enqueued_tokens_waits_until_there_is_room() {
    let site = Site::start(&[]).await;
    let full = json!({"pending_ms": 60_000, "enqueued_tokens_max": 6_000});
    site.control(reqwest::Method::POST, "/settings", Some(full)).await;
    let first = site.submit(&[]).await;
    site.called("create_batch", 1).await;
    let second = Submitted::by(site.server.guest().await).await;
    site.called("create_batch", 3).await;
    assert_eq!(site.batches().await.len(), 1, "further creates were refused");
    let roomy = json!({"pending_ms": 100, "running_ms": 100});
    site.control(reqwest::Method::POST, "/settings", Some(roomy)).await;
    assert_eq!(second.end().await, WHOLE);
    drop(first);
}
