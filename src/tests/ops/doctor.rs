//! `coldbrew doctor`: finds nothing after a day's work, and each thing that somebody broke.

use std::process::Command;

use sqlx::{Connection, Executor, SqliteConnection};
use tempfile::TempDir;

use crate::support::harness::{TestServer, variables};

/// Runs the real program on that data folder: whether all is well, and what it said.
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

/// A data folder in which one batch was read, and another one waits.
async fn worked_in() -> TempDir {
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
async fn the_doctor_finds_what_is_wrong_and_nothing_else() {
    let data = worked_in().await;
    let (well, said) = examine(&data);
    assert!(well, "{said}");
    let url = format!("sqlite://{}", data.path().join("coldbrew.db").display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    // Somebody has opened what is not done yet, and no page of it was read for them so far.
    let draft = "INSERT INTO documents (id, account_id, upload_hash, content_hash, title, mode, charged, created_at, draft)
                 SELECT document_id, account_id, upload_hash, content_hash, title, mode, 0, 1, 1 FROM jobs WHERE active = 1;
                 UPDATE storage SET bytes = bytes + (SELECT 128 + OCTET_LENGTH(title) FROM documents WHERE draft = 1)";
    database.execute(draft).await.unwrap();
    let (well, said) = examine(&data);
    assert!(well, "{said}");
    let forgotten =
        "UPDATE storage SET bytes = bytes - (SELECT 128 + OCTET_LENGTH(title) FROM documents WHERE draft = 1);
                     DELETE FROM documents WHERE draft = 1";
    database.execute(forgotten).await.unwrap();
    for (harm, mended, complaint) in [
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
            // What is gone with them is no longer counted either.
            "UPDATE storage SET bytes = bytes - (SELECT SUM(128 + OCTET_LENGTH(markdown)) FROM pages); DELETE FROM pages",
            "UPDATE storage SET bytes = bytes - (SELECT SUM(128 + OCTET_LENGTH(title) + OCTET_LENGTH(selection)) FROM documents);
             DELETE FROM documents",
            "has no pages",
        ),
        ("DELETE FROM reservations", "DELETE FROM jobs WHERE active = 1", "is active and reserved nothing"),
    ] {
        database.execute(harm).await.unwrap();
        let (well, said) = examine(&data);
        assert!(!well && said.contains(complaint), "{harm}: {said}");
        assert_eq!(said.matches("wrong").count(), 1, "{harm}: {said}");
        database.execute(mended).await.unwrap();
    }
    std::fs::remove_dir_all(data.path().join("blobs")).unwrap();
    let (well, said) = examine(&data);
    assert!(!well && said.contains("wrong  files"), "{said}");
}

#[test]
fn a_figure_model_that_finds_nothing_anywhere_is_named() {
    let data = TempDir::new().unwrap();
    let (well, said) = examine_with(&data, &[("COLDBREW_FIGURE_FAMILY", "yolo")]);
    assert!(!well && said.contains("The page engine is not ready: the figure detector cannot be used:"), "{said}");
}
