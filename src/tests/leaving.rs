//! Somebody deletes their account in the middle of a batch: what Google has of it is stopped and deleted, so that nobody pays for what
//! nobody will read.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::contract::{Site, always, times};

/// Waits until nothing goes on at Google. Nothing tells when that is.
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
async fn what_a_deleted_account_has_at_google_is_stopped_and_deleted() {
    for (what, faults, call, batches) in [
        ("a batch that is watched", vec![times("stuck_pending", 1)], "get_batch", 1),
        (
            "a batch whose create was not answered, and that no list has shown yet",
            vec![times("stuck_pending", 1), times("create_hangs_up", 1), always("poll_unavailable")],
            "list_batches",
            1,
        ),
        ("an input that Google takes for no batch", vec![always("create_quota")], "create_batch", 0),
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
