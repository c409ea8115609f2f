//! The deletion of an account during a batch: batches at Google are cancelled, input files there are deleted.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::jobs::gemini::{Site, always, times};

/// Waits until every batch at Google is cancelled. Polls, because Google notifies of nothing. Returns their states.
async fn stopped(site: &Site) -> Vec<Value> {
    loop {
        let states: Vec<Value> = site.batches().await.iter().map(|batch| batch["metadata"]["state"].clone()).collect();
        if states.iter().all(|state| state == "BATCH_STATE_CANCELLED") {
            return states;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn deleted_account_leaves_no_live_batch_and_no_input_at_google() {
    for (what, faults, call, batches) in [
        ("a pending batch", vec![times("stuck_pending", 1)], "get_batch", 1),
        (
            "a batch whose create was not answered and that no listing has shown yet",
            vec![times("stuck_pending", 1), times("create_hangs_up", 1), always("poll_unavailable")],
            "list_batches",
            1,
        ),
        ("an input file whose create is refused", vec![always("create_quota")], "create_batch", 0),
    ] {
        let site = Site::start(&[]).await;
        let guest = site.submit(&faults).await.guest;
        site.called(call, 1).await;
        assert_eq!(guest.send(Method::DELETE, "/v1/users/me", None).await.status(), StatusCode::NO_CONTENT, "{what}");
        site.disarm().await;
        assert_eq!(stopped(&site).await.len(), batches, "{what}");
        assert!(site.no_input_is_left().await, "{what}: an input file was left at Google");
    }
}
