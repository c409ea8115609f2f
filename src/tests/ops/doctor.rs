//! `coldbrew doctor`: reports nothing after ordinary work, and each problem that a test makes.

use std::process::Command;

use sqlx::{Connection, Executor, SqliteConnection};
use tempfile::TempDir;

use crate::support::harness::{TestServer, variables};

/// Runs the real program on that data folder. Returns whether it found no problem, and its output.
fn examine(data: &TempDir) -> (bool, String) {
    examine_with(data, &[])
}

/// The same with these settings.
fn examine_with(data: &TempDir, settings: &[(&str, &str)]) -> (bool, String) {
    let examined = Command::new(env!("CARGO_BIN_EXE_coldbrew"))
        .arg("doctor")
        .env_clear()
        .envs(variables(data.path(), settings))
        .output()
        .unwrap();
    (examined.status.success(), String::from_utf8(examined.stdout).unwrap())
}

/// A data folder with one completed batch and one that waits.
async fn used_data_folder() -> TempDir {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let done = guest.submit(&guest.upload_pages(3).await, true, true).await.json::<serde_json::Value>().await.unwrap();
    assert_eq!(guest.batch_end(done["content_hash"].as_str().unwrap()).await["status"], "SUCCEEDED");
    server.stop().await;
    let server = TestServer::start(&data, &[("COLDBREW_DEMO_PENDING_MS", "600000")]).await;
    assert!(
        guest
            .at(&server.base_url)
            .submit(&guest.at(&server.base_url).upload_pages(4).await, true, true)
            .await
            .status()
            .is_success()
    );
    server.stop().await;
    data
}

#[tokio::test]
async fn doctor_reports_each_problem_and_nothing_else() {
    let data = used_data_folder().await;
    let (is_well, output) = examine(&data);
    assert!(is_well && output.contains("sandbox of page processes: no new privileges, "), "{output}");
    let url = format!("sqlite://{}", data.path().join("coldbrew.db").display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    // A draft of the waiting job was opened, and has no pages yet.
    let draft = "INSERT INTO documents (id, account_id, upload_hash, content_hash, title, mode, charged, created_at, draft)
                 SELECT document_id, account_id, upload_hash, content_hash, title, mode, 0, 1, 1 FROM jobs WHERE active = 1;
                 UPDATE storage SET bytes = bytes + (SELECT 128 + OCTET_LENGTH(title) FROM documents WHERE draft = 1)";
    database.execute(draft).await.unwrap();
    let (is_well, output) = examine(&data);
    assert!(is_well, "{output}");
    let removed =
        "UPDATE storage SET bytes = bytes - (SELECT 128 + OCTET_LENGTH(title) FROM documents WHERE draft = 1);
                     DELETE FROM documents WHERE draft = 1";
    database.execute(removed).await.unwrap();
    for (damage, repair, complaint) in [
        (
            "UPDATE documents SET charged = charged + 1",
            "UPDATE documents SET charged = charged - 1",
            "is not the sum of its charges",
        ),
        (
            "INSERT INTO reservations (job_id, account_id, tokens) SELECT id, account_id, 5 FROM jobs WHERE active = 0",
            "DELETE FROM reservations WHERE tokens = 5",
            "which is not active",
        ),
        (
            "UPDATE jobs SET due_at = due_at - 600000, lease_until = 0 WHERE active = 1",
            "UPDATE jobs SET due_at = due_at + 600000 WHERE active = 1",
            "no worker has claimed it",
        ),
        (
            "UPDATE jobs SET status = 'failed' WHERE status = 'succeeded'",
            "UPDATE jobs SET status = 'succeeded' WHERE status = 'failed'",
            "failed and was charged",
        ),
        (
            "UPDATE storage SET bytes = bytes + 1",
            "UPDATE storage SET bytes = bytes - 1",
            "are not the sum of what it stores",
        ),
        (
            // The bytes of the deleted rows are subtracted too, so that only one problem is found.
            "UPDATE storage SET bytes = bytes - (SELECT SUM(128 + OCTET_LENGTH(markdown)) FROM pages); DELETE FROM pages",
            "UPDATE storage SET bytes = bytes - (SELECT SUM(128 + OCTET_LENGTH(title) + OCTET_LENGTH(selection)) FROM documents);
             DELETE FROM documents",
            "has no pages",
        ),
        ("DELETE FROM reservations", "DELETE FROM jobs WHERE active = 1", "is active and reserved nothing"),
    ] {
        database.execute(damage).await.unwrap();
        let (is_well, output) = examine(&data);
        assert!(!is_well && output.contains(complaint), "{damage}: {output}");
        assert_eq!(output.matches("wrong").count(), 1, "{damage}: {output}");
        database.execute(repair).await.unwrap();
    }
    std::fs::remove_dir_all(data.path().join("blobs")).unwrap();
    let (is_well, output) = examine(&data);
    assert!(!is_well && output.contains("wrong  files"), "{output}");
}

#[test]
fn unusable_figure_model_is_reported() {
    let data = TempDir::new().unwrap();
    let (is_well, output) = examine_with(&data, &[("COLDBREW_FIGURE_FAMILY", "yolo")]);
    assert!(
        !is_well && output.contains("The page engine is not ready: the figure detector cannot be used:"),
        "{output}"
    );
}

#[test]
fn redis_that_does_not_answer_is_reported_as_a_restriction() {
    let data = TempDir::new().unwrap();
    let (is_well, output) = examine_with(&data, &[("REDIS_URL", "redis://127.0.0.1:1")]);
    let expected = "The redis is not ready: no answer. Servers are ready without it, with restrictions.";
    assert!(!is_well && output.contains(expected), "{output}");
}
