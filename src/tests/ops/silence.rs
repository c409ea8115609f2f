//! A host of a store dies without closing its connections, and a new one takes its address. Nothing waits for the dead one for ever.

use std::time::{Duration, Instant};

use coldbrew::changes::{Changes, News};
use coldbrew::store::s3::{S3, S3Config};
use coldbrew::store::sql::SqlStore;
use coldbrew::store::tracking::{self, Origin, RedisMirror};
use coldbrew::uploads::Blobs;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::support::harness::{TestClient, TestServer, choose_cryptography};
use crate::support::line::Line;
use crate::support::processes::Program;
use crate::support::services::{Postgres, Redis, S3Server};

/// From the start of the new host.
const BACK_WITHIN: Duration = Duration::from_secs(20);
/// How long a process may take to end while a store is silent.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// A server and worker in a process of its own, with a line to its database.
struct Process {
    program: Program,
    postgres: Postgres,
    url: String,
    line: Line,
    _data: TempDir,
}

impl Process {
    async fn start() -> Self {
        let (data, postgres) = (TempDir::new().unwrap(), Postgres::start());
        let url = postgres.database("records").await;
        let line = Line::to(&url).await;
        let program = Program::serve(data.path(), &[("DATABASE_URL", &line.url(&url))]).await;
        Self { program, postgres, url, line, _data: data }
    }

    /// Cuts the line while statements of the worker wait for a lock, so that they are never answered.
    async fn cut_in_statements(&self) {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let mut lock = connection.begin().await.unwrap();
        lock.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted";
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut *lock).await.unwrap() == 0 {
            sleep(Duration::from_millis(20)).await;
        }
        self.line.cut();
    }
}

#[tokio::test]
async fn silent_database_host_replaced_is_found_by_server_and_worker() {
    let mut process = Process::start().await;
    let guest = TestClient::guest_at(&process.program.base_url).await;
    let prepared = guest.upload_pages(3).await;
    let waiting = guest.submit(&prepared, true, true).await;
    assert_eq!(waiting.status(), StatusCode::ACCEPTED);
    let ticket: Value = waiting.json().await.unwrap();
    process.cut_in_statements().await;
    let (asked, answer) = (Instant::now(), guest.send(Method::GET, "/v1/users/me", None).await);
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    process.postgres.start_again();
    process.line.restore();
    let back = Instant::now();
    let ended = timeout(BACK_WITHIN, async {
        while guest.send(Method::GET, "/v1/users/me", None).await.status() != StatusCode::OK {
            sleep(Duration::from_millis(100)).await;
        }
        guest.batch_end(ticket["content_hash"].as_str().unwrap()).await
    });
    let ended = ended.await.expect("the worker is back");
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    eprintln!("back after {:?}", back.elapsed());
    assert!(process.program.stop().await.success());
}

#[tokio::test]
async fn process_stops_while_its_database_host_is_silent() {
    let process = Process::start().await;
    process.cut_in_statements().await;
    let stopping = Instant::now();
    process.program.stop().await;
    eprintln!("stopped after {:?}", stopping.elapsed());
    assert!(stopping.elapsed() < STOPPED_WITHIN, "{:?}", stopping.elapsed());
}

#[tokio::test]
async fn slow_statement_is_not_given_up() {
    SqlStore::install_drivers();
    let postgres = Postgres::start();
    let url = postgres.database("records").await;
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    for statement in ["SELECT pg_sleep(13)::text", "SELECT 'quick'"] {
        let answer = sqlx::query(statement).fetch_all(&pool).await.unwrap();
        assert_eq!(answer.len(), 1);
    }
}

/// The news for the watcher, within the time limit.
async fn next(watcher: &mut coldbrew::changes::Watcher) -> News {
    timeout(BACK_WITHIN, watcher.next()).await.expect("there is news").unwrap()
}

#[tokio::test]
async fn silent_redis_host_replaced_is_subscribed_again_and_watchers_are_told() {
    let (data, redis) = (TempDir::new().unwrap(), Redis::start());
    let line = Line::to(&redis.url()).await;
    let store = SqlStore::open(&SqlStore::embedded_url(&data.path().join("records.db"))).await.unwrap();
    let copy = tracking::Redis::open(&line.url(&redis.url()), Origin("this".into())).unwrap();
    let other = tracking::Redis::open(&redis.url(), Origin("other".into())).unwrap();
    let (mirror, changes, stop) = (RedisMirror::new(store, copy), Changes::default(), CancellationToken::new());
    let bell = Notify::new();
    let told = async {
        let mut watcher = changes.watch("account");
        for cut in [false, true] {
            if cut {
                line.cut();
                sleep(Duration::from_secs(1)).await;
                line.restore();
            }
            assert_eq!(next(&mut watcher).await, News::Missed, "changes before the subscription did not arrive");
            other.notify("account", "content").await.unwrap();
            assert_eq!(next(&mut watcher).await, News::Content("content".into()));
        }
        stop.cancel();
    };
    tokio::join!(mirror.relay(&changes, &bell, &stop), told);
}

#[tokio::test]
async fn process_subscribes_to_accounts_with_a_watcher_and_hears_the_version_before() {
    let (data, redis) = (TempDir::new().unwrap(), Redis::start());
    let store = SqlStore::open(&SqlStore::embedded_url(&data.path().join("records.db"))).await.unwrap();
    let copy = |origin: &str| tracking::Redis::open(&redis.url(), Origin(origin.into())).unwrap();
    let (mirror, changes, stop) = (RedisMirror::new(store, copy("this")), Changes::default(), CancellationToken::new());
    let (bell, client) = (Notify::new(), ::redis::Client::open(redis.url()).unwrap());
    let mut peer = client.get_connection().unwrap();
    let mut subscribers = |account: &str| -> u64 {
        let channel = format!("job_changes:{account}");
        let answer: (String, u64) = ::redis::cmd("PUBSUB").arg("NUMSUB").arg(channel).query(&mut peer).unwrap();
        answer.1
    };
    let mut before = client.get_connection().unwrap();
    let told = async {
        let (mut first, mut second) = (changes.watch("first"), changes.watch("second"));
        assert_eq!((next(&mut first).await, next(&mut second).await), (News::Missed, News::Missed));
        assert_eq!((subscribers("first"), subscribers("second"), subscribers("third")), (1, 1, 0));
        copy("other").notify("first", "one").await.unwrap();
        copy("this").notify("first", "own").await.unwrap();
        // As the version before publishes.
        let () = ::redis::cmd("PUBLISH").arg("job_changes").arg("old first two").query(&mut before).unwrap();
        assert_eq!(next(&mut first).await, News::Content("one".into()), "once, though it is on two channels");
        assert_eq!(next(&mut first).await, News::Content("two".into()));
        assert!(timeout(Duration::from_millis(200), second.next()).await.is_err());
        drop(second);
        while subscribers("second") > 0 {
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(subscribers("first"), 1);
        stop.cancel();
    };
    let within = timeout(Duration::from_secs(30), async { tokio::join!(mirror.relay(&changes, &bell, &stop), told) });
    within.await.expect("the process unsubscribes");
}

async fn redis_becomes(state: &str, server: &TestServer) -> bool {
    let is_so = async || {
        let answer = reqwest::get(format!("{}/readyz", server.base_url)).await.unwrap();
        answer.json::<Value>().await.unwrap()["checks"]["redis"] == state
    };
    let waiting = async {
        while !is_so().await {
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(BACK_WITHIN, waiting).await.is_ok()
}

#[tokio::test]
async fn silent_redis_host_replaced_gets_commands_again() {
    let (data, redis) = (TempDir::new().unwrap(), Redis::start());
    let line = Line::to(&redis.url()).await;
    let server = TestServer::start(&data, &[("REDIS_URL", &line.url(&redis.url()))]).await;
    let guest = server.guest().await;
    assert!(redis_becomes("ok", &server).await);
    line.cut();
    let asked = Instant::now();
    guest.get("/v1/users/me").await;
    assert!(asked.elapsed() < Duration::from_secs(2), "no request waits for Redis: {:?}", asked.elapsed());
    assert!(redis_becomes("away", &server).await, "the server notices that Redis is silent");
    line.restore();
    assert!(redis_becomes("ok", &server).await, "the server finds the new host");
    // The mirror is checked every second.
    sleep(Duration::from_secs(3)).await;
    let prepared = guest.upload_pages(2).await;
    let ticket: Value = guest.submit(&prepared, true, true).await.json().await.unwrap();
    let content = ticket["content_hash"].as_str().unwrap();
    assert_eq!(guest.batch_end(content).await["status"], "SUCCEEDED");
    let mut peer = ::redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    assert!(::redis::Commands::exists::<_, bool>(&mut peer, format!("batch:{content}")).unwrap());
    let () = ::redis::cmd("CONFIG").arg("RESETSTAT").query(&mut peer).unwrap();
    let counted = async {
        loop {
            guest.get("/v1/users/me").await;
            let commands: String = ::redis::cmd("INFO").arg("commandstats").query(&mut peer).unwrap();
            if commands.contains("evalsha") {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(BACK_WITHIN, counted).await.expect("requests are counted in Redis again");
}

#[tokio::test]
async fn silent_file_store_replaced_is_found() {
    choose_cryptography();
    let (cache, server) = (TempDir::new().unwrap(), S3Server::start().await);
    let line = Line::to(&server.endpoint()).await;
    let config = S3Config {
        url: "s3://coldbrew/files".into(),
        endpoint: Some(line.url(&server.endpoint())),
        region: "us-east-1".into(),
        access_key: Some("key".into()),
        secret_key: Some("secret".into()),
        cache_bytes_max: 1 << 20,
    };
    let blobs = S3::open(&config, cache.path().join("cache")).await.unwrap();
    let put = async |name: &str| {
        let file = cache.path().join("file");
        std::fs::write(&file, "text").unwrap();
        blobs.put(name, &file).await
    };
    put("a/1").await.unwrap();
    line.cut();
    let cut = Instant::now();
    assert!(blobs.copy("a/1", "a/2").await.is_err(), "a request without an answer fails");
    assert!(cut.elapsed() < BACK_WITHIN, "{:?}", cut.elapsed());
    eprintln!("failed after {:?}", cut.elapsed());
    line.restore();
    let back = Instant::now();
    while put("a/3").await.is_err() {
        assert!(back.elapsed() < BACK_WITHIN, "the new host is not found");
    }
    assert!(back.elapsed() < BACK_WITHIN, "{:?}", back.elapsed());
}
