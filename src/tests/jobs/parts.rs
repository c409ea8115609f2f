//! A document that exceeds Google's limit of enqueued tokens becomes several batches of one job.

use reqwest::Method;
use serde_json::json;

use crate::jobs::gemini::{PAGES, Site, Submitted, WHOLE, second_page_refused, times};

/// Room for one page in a batch, and for one batch in the queue.
const QUEUE_TOKENS: u32 = 2_500;

async fn small_queue() -> Site {
    let limit = QUEUE_TOKENS.to_string();
    let site = Site::start(&[("COLDBREW_BATCH_TOKENS_MAX", &limit)]).await;
    let quota = json!({"enqueued_tokens_max": QUEUE_TOKENS, "cancelled_counts_ms": 0});
    site.control(Method::POST, "/settings", Some(quota)).await;
    site
}

#[tokio::test]
async fn document_beyond_the_queue_limit_becomes_several_batches_that_are_never_refused() {
    let site = small_queue().await;
    let document = site.submit(&[]).await;
    assert_eq!(document.end().await, WHOLE);
    assert_eq!(site.batches().await.len() as u64, PAGES);
    assert_eq!(site.calls("create_batch").await, PAGES, "each create found room");
    assert!(site.no_input_is_left().await);
}

#[tokio::test]
async fn documents_at_once_share_the_queue_and_all_end() {
    let site = small_queue().await;
    site.submit(&[]).await.end().await;
    let documents: Vec<Submitted> =
        futures::future::join_all((0..3).map(async |_| Submitted::by(site.server.guest().await).await)).await;
    for document in &documents {
        assert_eq!(document.end().await, WHOLE);
    }
    assert_eq!(site.calls("create_batch").await, 4 * PAGES, "each create found room");
}

#[tokio::test]
async fn pages_left_by_several_batches_are_read_by_calls_after_the_last_one() {
    let site = small_queue().await;
    let document = site.submit(&[times("row_missing", 1), times("row_recitation", 1)]).await;
    assert_eq!(document.end().await, WHOLE);
    assert_eq!(site.batches().await.len() as u64, PAGES);
    let document = site.submit(&[second_page_refused(), times("batch_expires", 1)]).await;
    assert_eq!(document.end().await, crate::jobs::gemini::but_for(1));
}
