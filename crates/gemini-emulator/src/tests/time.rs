//! Batches over time: ordinary ones, those that get stuck, and those that see a restart.

use serde_json::json;

use super::lab::{HOUR, Lab, answer, keys};
use coldbrew_gemini::{BatchState, ErrorKind};

#[tokio::test]
async fn a_batch_waits_runs_and_succeeds() {
    let lab = Lab::start().await;
    let batch = lab.create(&["one", "two"]).await;
    for (ms, state) in [(HOUR - 1, BatchState::Pending), (1, BatchState::Running), (HOUR - 1, BatchState::Running)] {
        lab.advance(ms);
        assert_eq!(lab.client.get_batch(&batch.name).await.unwrap().state, state);
        let output = batch.name.replace("batches/", "files/batch-");
        assert_eq!(lab.client.get_file(&output).await.unwrap_err().kind, ErrorKind::NotFound, "not before it succeeds");
    }
    let done = lab.finish(&batch).await;
    assert_eq!((done.state.clone(), done.stats.succeeded, done.stats.pending), (BatchState::Succeeded, 2, 0));
    assert_eq!(done.end_time.unwrap().duration_since(done.create_time.unwrap()).as_hours(), 2);
    let lines = lab.results(&done).await;
    assert_eq!(keys(&lines), ["page_0", "page_1"]);
    assert_eq!(answer(&lines[1]).text, "two");
}

#[tokio::test]
async fn a_stuck_batch_expires_after_two_days() {
    let lab = Lab::start().await;
    lab.once("stuck_pending").await;
    let batch = lab.create(&["one"]).await;
    lab.advance(24 * HOUR);
    assert_eq!(lab.client.get_batch(&batch.name).await.unwrap().state, BatchState::Pending);
    lab.advance(24 * HOUR - 1);
    assert_eq!(lab.client.get_batch(&batch.name).await.unwrap().state, BatchState::Pending);
    lab.advance(1);
    let expired = lab.client.get_batch(&batch.name).await.unwrap();
    assert_eq!((expired.state, expired.output_file), (BatchState::Expired, None));
    assert_eq!(expired.error.unwrap().code, 4);
}

#[tokio::test]
async fn batches_end_in_every_way() {
    for (fault, state, error) in [
        ("never_running", BatchState::Succeeded, None),
        ("batch_fails", BatchState::Failed, Some(13)),
        ("batch_fails_without_error", BatchState::Failed, None),
    ] {
        let lab = Lab::start().await;
        lab.once(fault).await;
        let batch = lab.create(&["one"]).await;
        let done = lab.finish(&batch).await;
        assert_eq!((&done.state, done.error.as_ref().map(|error| error.code)), (&state, error), "{fault}");
        assert_eq!(done.output_file.is_some(), state == BatchState::Succeeded);
    }
}

#[tokio::test]
async fn a_cancel_takes_effect_or_is_ignored() {
    let lab = Lab::start().await;
    let batch = lab.create(&["one"]).await;
    lab.client.cancel_batch(&batch.name).await.unwrap();
    let cancelled = lab.client.get_batch(&batch.name).await.unwrap();
    assert_eq!((cancelled.state, cancelled.error.unwrap().code), (BatchState::Cancelled, 1));
    lab.once("cancel_ignored").await;
    let batch = lab.create(&["one"]).await;
    lab.client.cancel_batch(&batch.name).await.unwrap();
    assert_eq!(lab.client.get_batch(&batch.name).await.unwrap().state, BatchState::Pending);
    let done = lab.finish(&batch).await;
    assert_eq!(done.state, BatchState::Succeeded);
    lab.client.cancel_batch(&batch.name).await.unwrap();
    assert_eq!(lab.client.get_batch(&batch.name).await.unwrap().state, BatchState::Succeeded, "too late");
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let mut lab = Lab::start().await;
    let file = lab.upload("{}").await;
    let batch = lab.create(&["one"]).await;
    let (status, _) = lab.call("POST", "_control/clock", Some(json!({"advance_ms": HOUR}))).await;
    assert_eq!(status, 200);
    lab.restart().await;
    assert_eq!(lab.client.get_file(&file.name).await.unwrap().name, file.name);
    assert_eq!(lab.client.get_batch(&batch.name).await.unwrap().state, BatchState::Running, "the clock stays moved");
    let done = lab.finish(&batch).await;
    lab.restart().await;
    assert_eq!(keys(&lab.results(&done).await), ["page_0"]);
}

#[tokio::test]
async fn a_batch_does_not_need_its_input_any_more() {
    let lab = Lab::start().await;
    let batch = lab.create(&["one"]).await;
    lab.client.delete_file(batch.input_file.as_deref().unwrap()).await.unwrap();
    assert_eq!(lab.finish(&batch).await.stats.succeeded, 1);
}

#[tokio::test]
async fn a_deleted_batch_is_gone_and_its_output_is_not() {
    let lab = Lab::start().await;
    let batch = lab.create(&["one"]).await;
    let done = lab.finish(&batch).await;
    lab.client.delete_batch(&batch.name).await.unwrap();
    assert_eq!(lab.client.get_batch(&batch.name).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(keys(&lab.results(&done).await), ["page_0"]);
}
