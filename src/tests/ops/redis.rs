//! A server with Redis: the copy of its jobs that other programs read, and the loss of Redis.

use std::time::Duration;

use ::redis::Commands;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestServer};
use crate::support::services::Redis;

/// The batch waits at Google long enough for the test.
const WAITING: (&str, &str) = ("COLDBREW_DEMO_PENDING_MS", "2000");

/// Waits until `is_true`. It polls, because nothing notifies of changes in Redis. Panics with `failure` after 30 s.
async fn until(failure: &str, mut is_true: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if is_true().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{failure}");
}

fn connect(redis: &Redis) -> ::redis::Connection {
    ::redis::Client::open(redis.url()).unwrap().get_connection().unwrap()
}

async fn submitted(guest: &TestClient, pages: usize) -> String {
    let prepared = guest.upload_pages(pages).await;
    let answer = guest.submit(&prepared, true, true).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let ticket: Value = answer.json().await.unwrap();
    ticket["content_hash"].as_str().unwrap().to_owned()
}

/// The answer of `/readyz`, with 200. The server needs no Redis.
async fn readiness(server: &TestServer) -> Value {
    let answer = reqwest::get(format!("{}/readyz", server.base_url)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

async fn redis_is(state: &str, server: &TestServer) -> bool {
    readiness(server).await["checks"]["redis"] == state
}

/// A server that has made its copy of all jobs in Redis.
async fn server(data: &TempDir, redis: &Redis) -> TestServer {
    let server = TestServer::start(data, &[("REDIS_URL", &redis.url()), WAITING]).await;
    let mut connection = connect(redis);
    until("the copy is not made", async || connection.exists("tracking_epoch").unwrap()).await;
    server
}

#[tokio::test]
async fn job_is_in_redis_under_the_documented_keys() {
    let (data, redis) = (TempDir::new().unwrap(), Redis::start());
    let server = server(&data, &redis).await;
    let guest = server.guest().await;
    let content = submitted(&guest, 3).await;
    let mut redis = connect(&redis);
    // The copy was made before the answer with 202.
    let key = format!("batch:{content}");
    let job: Value = serde_json::from_str(&redis.get::<_, String>(&key).unwrap()).unwrap();
    let user = job["user_id"].as_str().unwrap().to_owned();
    assert_eq!((job["content_hash"].as_str(), job["total_pages"].as_u64()), (Some(content.as_str()), Some(3)));
    assert_eq!((job["pages_requested"].as_u64(), job["pages_submitted"].as_u64()), (Some(3), Some(3)));
    assert_eq!((job["content_type"].as_str(), job["title"].as_str()), (Some("application/pdf"), Some("book")));
    assert!(job["file_size"].as_u64().unwrap() > 0 && job["submitted_at"].is_i64());
    let ttl_s: i64 = redis.ttl(&key).unwrap();
    assert!((48 * 3_600 - 60..=48 * 3_600).contains(&ttl_s), "{ttl_s}");
    let active: Vec<String> = redis.smembers("active_batch_jobs").unwrap();
    assert_eq!(active, std::slice::from_ref(&content));
    let reserved: u64 = redis.hget(format!("reservations:{user}"), &content).unwrap();
    assert_eq!(reserved, guest.get("/v1/users/me/usage").await["reserved_tokens"].as_u64().unwrap());

    let status = async || guest.get(&format!("/v1/documents/batch/{content}/status")).await["status"].clone();
    until("the batch never waits at Google", async || status().await == "PENDING").await;
    let job: Value = serde_json::from_str(&redis.get::<_, String>(&key).unwrap()).unwrap();
    assert!(job["job_name"].as_str().unwrap().starts_with("batches/"));

    let ended = guest.batch_end(&content).await;
    let job: Value = serde_json::from_str(&redis.get::<_, String>(&key).unwrap()).unwrap();
    assert_eq!((&job["status"], &job["document_id"]), (&ended["status"], &ended["document_id"]));
    assert!(!redis.exists::<_, bool>("active_batch_jobs").unwrap());
    assert!(!redis.exists::<_, bool>(format!("reservations:{user}")).unwrap());
}

#[tokio::test]
async fn flushed_redis_copy_is_rebuilt_from_the_database() {
    let (data, redis) = (TempDir::new().unwrap(), Redis::start());
    let server = server(&data, &redis).await;
    let guest = server.guest().await;
    let content = submitted(&guest, 3).await;
    let mut redis = connect(&redis);
    let () = redis.flushall().unwrap();
    assert_ne!(guest.get(&format!("/v1/documents/batch/{content}/status")).await["status"], "FAILED");
    until("the copy is not made again", async || redis.sismember("active_batch_jobs", &content).unwrap()).await;
    assert!(redis.exists::<_, bool>(format!("batch:{content}")).unwrap());
    assert_eq!(guest.batch_end(&content).await["status"], "SUCCEEDED");
    assert!(!redis.exists::<_, bool>("active_batch_jobs").unwrap());
}

#[tokio::test]
async fn jobs_are_accepted_and_end_while_redis_is_unavailable() {
    let (data, mut redis) = (TempDir::new().unwrap(), Redis::start());
    let server = server(&data, &redis).await;
    let guest = server.guest().await;
    let before = submitted(&guest, 2).await;
    redis.stop();
    until("the loss of Redis is not reported", async || redis_is("away", &server).await).await;
    let meanwhile = submitted(&guest, 3).await;
    assert_eq!(guest.batch_end(&before).await["status"], "SUCCEEDED");
    redis.start_again();
    until("the return of Redis is not reported", async || redis_is("ok", &server).await).await;
    assert_eq!(guest.batch_end(&meanwhile).await["status"], "SUCCEEDED");
    let after = submitted(&guest, 4).await;
    let mut redis = connect(&redis);
    until("the copy is not made again", async || redis.exists(format!("batch:{after}")).unwrap()).await;
    assert_eq!(guest.batch_end(&after).await["status"], "SUCCEEDED");
    until("an ended job stays active in Redis", async || !redis.exists::<_, bool>("active_batch_jobs").unwrap()).await;
    assert_eq!(guest.get("/v1/users/me/usage").await["reserved_tokens"], 0);
}

#[tokio::test]
async fn server_without_redis_starts_ready_and_reports_it_as_degraded() {
    let (data, mut redis) = (TempDir::new().unwrap(), Redis::start());
    redis.stop();
    let server = TestServer::start(&data, &[("REDIS_URL", &redis.url())]).await;
    let body = readiness(&server).await;
    assert_eq!((&body["checks"]["redis"], &body["checks"]["database"]), (&"away".into(), &"ok".into()));
    assert_eq!((&body["ready"], &body["degraded"]), (&true.into(), &json!(["redis"])));
    let metrics = reqwest::get(format!("{}/metrics", server.base_url)).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("coldbrew_dependency_up{dependency=\"redis\"} 0") && metrics.contains("coldbrew_ready 1"));
    redis.start_again();
    until("the return of Redis is not reported", async || redis_is("ok", &server).await).await;
    assert_eq!(readiness(&server).await["degraded"], json!([]));
}
