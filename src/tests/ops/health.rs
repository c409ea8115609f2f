//! What a process reports of itself to orchestrators and load balancers: a server that stops, and a worker.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use coldbrew::api::{Examination, Examined, Findings, Readiness, worker_router};
use coldbrew::clock::{Clock, SystemClock};
use coldbrew::metrics::LoopAges;
use coldbrew::model::UnixMs;
use coldbrew::operations::Metrics;
use coldbrew::serve::work;
use coldbrew::store::sql::SqlStore;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::support::harness::{TestServer, config, http};
use crate::support::services::Redis;

async fn get(url: &str) -> Response {
    http().get(url).send().await.unwrap()
}

#[tokio::test]
async fn server_asked_to_stop_is_not_ready_and_answers_until_load_balancers_noticed() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_LAME_DUCK_MS", "3000")]).await;
    let guest = server.guest().await;
    let readyz = format!("{}/readyz", server.base_url);
    let answer = get(&readyz).await;
    assert_eq!((answer.status(), answer.headers().get("connection")), (StatusCode::OK, None));

    let (asked, stopped) = (Instant::now(), tokio::spawn(server.stop()));
    let not_ready = loop {
        let answer = get(&readyz).await;
        if answer.status() != StatusCode::OK {
            break answer;
        }
        assert!(asked.elapsed() < Duration::from_secs(1), "a result of before is still reported");
    };
    assert_eq!(
        (not_ready.status(), not_ready.headers()["connection"].as_bytes()),
        (StatusCode::SERVICE_UNAVAILABLE, &b"close"[..])
    );
    let body: Value = not_ready.json().await.unwrap();
    assert_eq!((&body["ready"], &body["stopping"], &body["checks"]), (&false.into(), &true.into(), &json!({})));
    // Other requests are answered as before.
    assert!(guest.get("/v1/users/me").await.is_object());
    assert_eq!(guest.upload("book.pdf", crate::support::harness::book(1)).await.status(), StatusCode::OK);
    stopped.await.unwrap();
    assert!(asked.elapsed() >= Duration::from_secs(3), "{:?}", asked.elapsed());
    assert!(http().get(&readyz).send().await.is_err());
}

#[tokio::test]
async fn worker_with_an_address_reports_health_readiness_and_metrics() {
    let (data, redis) = (TempDir::new().unwrap(), Redis::start());
    let addr: SocketAddr = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = [
        ("COLDBREW_WORKER_ADDR", &*addr.to_string()),
        ("COLDBREW_METRICS_TOKEN", "shown"),
        ("REDIS_URL", &redis.url()),
    ];
    let (config, stop) = (config(data.path(), &settings), CancellationToken::new());
    let stopped = stop.clone();
    let worker = tokio::spawn(async move { work(&config, stopped).await.unwrap() });
    while tokio::net::TcpStream::connect(addr).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let url = |path: &str| format!("http://{addr}{path}");
    assert_eq!(get(&url("/healthz")).await.text().await.unwrap(), "ok");
    let ready: Value = get(&url("/readyz")).await.json().await.unwrap();
    assert_eq!((&ready["ready"], &ready["checks"]["page_engine"]), (&true.into(), &"ok".into()), "{ready}");
    assert_eq!(get(&url("/metrics")).await.status(), StatusCode::UNAUTHORIZED);
    let metrics = http().get(url("/metrics")).bearer_auth("shown").send().await.unwrap().text().await.unwrap();
    let shows = |name: &str| metrics.lines().any(|line| line.starts_with(name));
    assert!(shows("coldbrew_loop_age_seconds{loop=\"redis\"} ") && shows("coldbrew_ready 1"), "{metrics}");
    assert_eq!(get(&url("/v1/users/me")).await.status(), StatusCode::NOT_FOUND, "a worker has no API");
    stop.cancel();
    worker.await.unwrap();
}

/// A monotonic clock that runs ahead by these milliseconds.
#[derive(Default)]
struct Ahead(AtomicU64);

impl Clock for Ahead {
    fn now(&self) -> UnixMs {
        SystemClock.now()
    }

    fn tick(&self) -> Instant {
        SystemClock.tick() + Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

struct NoDependencies;

#[async_trait]
impl Readiness for NoDependencies {
    async fn check(&self) -> Findings {
        Findings { dependencies: Vec::new(), sandbox: None }
    }
}

#[tokio::test]
async fn worker_whose_loop_is_stuck_is_unhealthy_until_the_loop_turns() {
    let (data, clock) = (TempDir::new().unwrap(), Arc::new(Ahead::default()));
    let store = Arc::new(SqlStore::open(&SqlStore::embedded_url(&data.path().join("coldbrew.db"))).await.unwrap());
    let (loops, budget) = (LoopAges::new(clock.clone()), config(data.path(), &[]).budget);
    let examined = Examined {
        readiness: Arc::new(NoDependencies),
        metrics: Metrics::start(store.clone(), store, budget, loops.clone(), clock.clone()).unwrap(),
        loops: loops.clone(),
        stopping: CancellationToken::new(),
        metrics_token: None,
    };
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let healthz = format!("http://{}/healthz", socket.local_addr().unwrap());
    let router = worker_router(Arc::new(Examination::new(examined, clock.clone())));
    tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });

    loops.expect("reaper", Duration::from_secs(15));
    assert_eq!(get(&healthz).await.status(), StatusCode::OK);
    clock.0.store(310_000, Ordering::Relaxed);
    let unhealthy = get(&healthz).await;
    assert_eq!(unhealthy.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(unhealthy.text().await.unwrap(), "stuck: reaper");
    loops.beat("reaper");
    assert_eq!(get(&healthz).await.status(), StatusCode::OK);
}
