//! A job that crashes its worker again and again is set aside, and no other job is. Errors of the database set no job aside.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use coldbrew::store::sql::SqlStore;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection, Executor};
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestServer, book};
use crate::support::processes::{Errand, Google, Program, check_books};

/// Batches that are being prepared whenever the process crashes: preparing one takes longer than the time to a crash.
const NEIGHBOURS: usize = 3;
const NEIGHBOUR_PAGES: usize = 60;
const KEY: &str = "aside";

async fn accepted(guest: &TestClient, book: Vec<u8>, batch_mode: bool) -> String {
    let errand = Errand { book, batch_mode };
    loop {
        match errand.try_once(guest).await {
            Some(content_hash) => return content_hash,
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

#[tokio::test]
async fn job_crashing_its_worker_five_times_is_set_aside_and_ends_the_server_twice() {
    let (google, data) = (Google::start().await, TempDir::new().unwrap());
    let harmless = google.settings(KEY).to_vec();
    // Only realtime jobs reach this point.
    let armed: Vec<_> = harmless.iter().copied().chain([("COLDBREW_CRASH_AT", "realtime/page split")]).collect();
    let web = Program::run(&["serve", "--no-worker"], data.path(), &harmless).await;
    let guest = TestClient::guest_at(&web.base_url).await;
    let crasher = accepted(&guest, book(1), false).await;
    let mut neighbours = Vec::new();
    for number in 0..NEIGHBOURS {
        neighbours.push(accepted(&guest, book(NEIGHBOUR_PAGES + number), true).await);
    }
    let mut crashes = 0;
    let mut worker = Program::serve(data.path(), &armed).await;
    let status = format!("/v1/documents/batch/{crasher}/status");
    let ended = loop {
        if let Some(status) = worker.ended(Duration::from_millis(50)).await {
            assert_eq!(status.signal(), Some(6), "{status}");
            crashes += 1;
            worker = Program::serve(data.path(), &armed).await;
        }
        let ended = guest.get(&status).await;
        if ended["status"] != "RUNNING" {
            break ended;
        }
    };
    // From the third claim on, the job runs in a process of its own, and only that process crashes.
    assert_eq!(crashes, 2);
    assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("FAILED"), &json!("set_aside")), "{ended}");
    // Its reservation was released, and the other jobs succeed.
    for content_hash in &neighbours {
        let ended = guest.batch_end(content_hash).await;
        assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    }
    check_books(&guest, NEIGHBOURS).await;
    assert_eq!(worker.ended(Duration::ZERO).await, None, "the server no longer crashes");
}

/// How often workers have claimed a job, and how many of those claims count as crashes.
async fn claims(database: &mut AnyConnection) -> (i64, i64) {
    sqlx::query_as("SELECT MAX(fence), MAX(claims) FROM jobs").fetch_one(database).await.unwrap()
}

#[tokio::test]
async fn server_killed_eight_times_sets_no_job_aside() {
    let (google, data) = (Google::start().await, TempDir::new().unwrap());
    let settings: Vec<_> = google.settings("killed").into_iter().chain([("COLDBREW_LEASE_MS", "1500")]).collect();
    let mut server = Program::serve(data.path(), &settings).await;
    let guest = TestClient::guest_at(&server.base_url).await;
    // The uploaded input file stays in processing, so the worker holds the job and commits no step.
    google.process_files_for(1_000_000).await;
    let content_hash = accepted(&guest, book(1), true).await;
    let mut database = database(&data).await;
    let mut seen = 0;
    for _ in 0..8 {
        while claims(&mut database).await.0 <= seen {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        seen = claims(&mut database).await.0;
        server.kill().await;
        server = Program::serve(data.path(), &settings).await;
    }
    assert!(claims(&mut database).await.1 <= 5, "the claims of its own process were handed back");
    google.disarm().await;
    server.kill().await;
    let server = Program::serve(data.path(), &settings).await;
    let ended = guest.at(&server.base_url).batch_end(&content_hash).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
}

/// A connection to the server's database.
async fn database(data: &TempDir) -> AnyConnection {
    SqlStore::install_drivers();
    let url = SqlStore::embedded_url(&data.path().join("coldbrew.db"));
    AnyConnection::connect(&url).await.unwrap()
}

#[tokio::test]
async fn ten_failed_commits_set_no_job_aside() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_LEASE_MS", "1600")]).await;
    let mut database = database(&data).await;
    let no_step = "CREATE TRIGGER no_step BEFORE UPDATE OF stage ON jobs BEGIN SELECT RAISE(ABORT, 'no'); END";
    database.execute(no_step).await.unwrap();
    let guest = server.guest().await;
    let answer = guest.submit(&guest.upload_pages(2).await, true, true).await;
    let ticket: Value = answer.json().await.unwrap();
    // In each claim, one step cannot be committed.
    let claims = "SELECT MAX(fence) FROM jobs";
    while sqlx::query_scalar::<_, i64>(claims).fetch_one(&mut database).await.unwrap() <= 10 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    database.execute("DROP TRIGGER no_step").await.unwrap();
    let ended = guest.batch_end(ticket["content_hash"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let usage = guest.send(Method::GET, "/v1/users/me/usage", None).await.json::<Value>().await.unwrap();
    assert_eq!(usage["reserved_tokens"], 0);
}
