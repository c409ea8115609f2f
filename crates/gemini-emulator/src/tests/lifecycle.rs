//! The states of a batch over time, with faults, a cancel, a delete and a restart.

use serde_json::json;

use super::harness::{HOUR, TestEmulator, answer, keys};
use coldbrew_gemini::{BatchState, ErrorKind};

#[tokio::test]
async fn batch_goes_from_pending_to_running_to_succeeded() {
    let emulator = TestEmulator::start().await;
    let batch = emulator.create(&["one", "two"]).await;
    for (ms, state) in [(HOUR - 1, BatchState::Pending), (1, BatchState::Running), (HOUR - 1, BatchState::Running)] {
        emulator.advance(ms);
        assert_eq!(emulator.client.get_batch(&batch.name).await.unwrap().state, state);
        let output = batch.name.replace("batches/", "files/batch-");
        assert_eq!(
            emulator.client.get_file(&output).await.unwrap_err().kind,
            ErrorKind::NotFound,
            "not before it succeeds"
        );
    }
    let done = emulator.finish(&batch).await;
    assert_eq!((done.state.clone(), done.stats.succeeded, done.stats.pending), (BatchState::Succeeded, 2, 0));
    assert_eq!(done.end_time.unwrap().duration_since(done.create_time.unwrap()).as_hours(), 2);
    let lines = emulator.results(&done).await;
    assert_eq!(keys(&lines), ["page_0", "page_1"]);
    assert_eq!(answer(&lines[1]).text, "two");
}

#[tokio::test]
async fn batch_stuck_in_pending_expires_after_48_hours() {
    let emulator = TestEmulator::start().await;
    emulator.once("stuck_pending").await;
    let batch = emulator.create(&["one"]).await;
    emulator.advance(24 * HOUR);
    assert_eq!(emulator.client.get_batch(&batch.name).await.unwrap().state, BatchState::Pending);
    emulator.advance(24 * HOUR - 1);
    assert_eq!(emulator.client.get_batch(&batch.name).await.unwrap().state, BatchState::Pending);
    emulator.advance(1);
    let expired = emulator.client.get_batch(&batch.name).await.unwrap();
    assert_eq!((expired.state, expired.output_file), (BatchState::Expired, None));
    assert_eq!(expired.error.unwrap().code, 4);
}

#[tokio::test]
async fn batch_fault_decides_its_end_state() {
    for (fault, state, error) in [
        ("never_running", BatchState::Succeeded, None),
        ("batch_fails", BatchState::Failed, Some(13)),
        ("batch_fails_without_error", BatchState::Failed, None),
    ] {
        let emulator = TestEmulator::start().await;
        emulator.once(fault).await;
        let batch = emulator.create(&["one"]).await;
        let done = emulator.finish(&batch).await;
        assert_eq!((&done.state, done.error.as_ref().map(|error| error.code)), (&state, error), "{fault}");
        assert_eq!(done.output_file.is_some(), state == BatchState::Succeeded);
    }
}

#[tokio::test]
async fn cancel_takes_effect_at_once_unless_the_fault_is_armed() {
    let emulator = TestEmulator::start().await;
    let batch = emulator.create(&["one"]).await;
    emulator.client.cancel_batch(&batch.name).await.unwrap();
    let cancelled = emulator.client.get_batch(&batch.name).await.unwrap();
    assert_eq!((cancelled.state, cancelled.error.unwrap().code), (BatchState::Cancelled, 1));
    emulator.once("cancel_ignored").await;
    let batch = emulator.create(&["one"]).await;
    emulator.client.cancel_batch(&batch.name).await.unwrap();
    assert_eq!(emulator.client.get_batch(&batch.name).await.unwrap().state, BatchState::Pending);
    let done = emulator.finish(&batch).await;
    assert_eq!(done.state, BatchState::Succeeded);
    emulator.client.cancel_batch(&batch.name).await.unwrap();
    assert_eq!(emulator.client.get_batch(&batch.name).await.unwrap().state, BatchState::Succeeded, "too late");
}

#[tokio::test]
async fn files_batches_and_clock_survive_a_restart() {
    let mut emulator = TestEmulator::start().await;
    let file = emulator.upload("{}").await;
    let batch = emulator.create(&["one"]).await;
    let (status, _) = emulator.call("POST", "_control/clock", Some(json!({"advance_ms": HOUR}))).await;
    assert_eq!(status, 200);
    emulator.restart().await;
    assert_eq!(emulator.client.get_file(&file.name).await.unwrap().name, file.name);
    assert_eq!(
        emulator.client.get_batch(&batch.name).await.unwrap().state,
        BatchState::Running,
        "the clock stays moved"
    );
    let done = emulator.finish(&batch).await;
    emulator.restart().await;
    assert_eq!(keys(&emulator.results(&done).await), ["page_0"]);
}

#[tokio::test]
async fn batch_whose_input_file_is_deleted_succeeds() {
    let emulator = TestEmulator::start().await;
    let batch = emulator.create(&["one"]).await;
    emulator.client.delete_file(batch.input_file.as_deref().unwrap()).await.unwrap();
    assert_eq!(emulator.finish(&batch).await.stats.succeeded, 1);
}

#[tokio::test]
async fn batch_deleted_is_not_found_and_its_output_stays() {
    let emulator = TestEmulator::start().await;
    let batch = emulator.create(&["one"]).await;
    let done = emulator.finish(&batch).await;
    emulator.client.delete_batch(&batch.name).await.unwrap();
    assert_eq!(emulator.client.get_batch(&batch.name).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(keys(&emulator.results(&done).await), ["page_0"]);
}
