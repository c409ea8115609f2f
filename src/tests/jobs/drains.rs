//! A server is asked to stop while Google's answers are under way. They are used, nothing is paid twice, and the next server continues at once.
//! A server whose dependency hangs ends all the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::harness::{TestClient, book};
use crate::support::processes::{Errand, Google, Program, check_books};
use crate::support::services::Postgres;

const PAGES: usize = 6;
const KEY: &str = "drains";
/// How long the answers of Google are under way.
const DELAY_MS: u64 = 2_000;
/// Far less than a job takes that looks for a lost create, at the interval of [`SLOW`].
const AT_ONCE: Duration = Duration::from_secs(20);
/// Looking for a lost create takes minutes, as in production.
const SLOW: (&str, &str) = ("COLDBREW_SEEK_INTERVAL_MS", "10000");

/// A server that is asked to stop while a call is under way, and the next one.
struct Drain {
    google: Google,
    data: TempDir,
    first: Program,
    guest: TestClient,
    content_hash: String,
}

impl Drain {
    /// Submits a document while Google's answers of that kind are late, and waits until Google has got the call.
    async fn begin(fault: &str, call: &str, settings: &[(&str, &str)]) -> Self {
        let (google, data) = (Google::start().await, TempDir::new().unwrap());
        google.delay(fault, DELAY_MS).await;
        let first = Program::serve(data.path(), &[&google.settings(KEY), settings].concat()).await;
        let guest = TestClient::guest_at(&first.base_url).await;
        let errand = Errand { book: book(PAGES), batch_mode: call == "create_batch" };
        let content_hash = errand.try_once(&guest).await.unwrap();
        while google.calls(call).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self { google, data, first, guest, content_hash }
    }

    /// Stops the first server, starts the next one, and waits for the end of the job. Returns how long both took.
    async fn end(self, settings: &[(&str, &str)]) -> (Google, Duration, Duration) {
        let stopping = Instant::now();
        let status = self.first.stop().await;
        assert!(status.success(), "{status}");
        let stopped = stopping.elapsed();
        self.google.disarm().await;
        let settings = [&self.google.settings(KEY), settings].concat();
        let second = Program::serve(self.data.path(), &settings).await;
        let (guest, started) = (self.guest.at(&second.base_url), Instant::now());
        let ended = guest.batch_end(&self.content_hash).await;
        assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
        check_books(&guest, 1).await;
        assert!(self.google.check(KEY).await <= 1);
        Program::see_doctor(self.data.path(), &settings).await;
        (self.google, stopped, started.elapsed())
    }
}

#[tokio::test]
async fn create_under_way_at_a_stop_is_answered_and_not_sent_again() {
    let drain = Drain::begin("create_answers_late", "create_batch", &[SLOW]).await;
    let (google, _, ended) = drain.end(&[SLOW]).await;
    assert_eq!((google.calls("create_batch").await, google.calls("list_batches").await), (1, 0));
    assert!(ended < AT_ONCE, "{ended:?}");
}

#[tokio::test]
async fn pages_under_way_at_a_stop_are_stored_and_not_sent_again() {
    let one_at_a_time = ("COLDBREW_REALTIME_REQUESTS_MAX", "2");
    let drain = Drain::begin("generate_answers_late", "generate_content", &[one_at_a_time]).await;
    let (google, stopped, ended) = drain.end(&[]).await;
    assert_eq!(google.calls("generate_content").await, PAGES as u64);
    // The remaining pages would have taken two more rounds.
    assert!(stopped < Duration::from_millis(DELAY_MS * 2) && ended < AT_ONCE, "{stopped:?}, {ended:?}");
}

#[tokio::test]
async fn create_that_outlasts_the_stop_timeout_is_looked_for_and_not_sent_again() {
    let soon = ("COLDBREW_STOP_TIMEOUT_MS", "300");
    let drain = Drain::begin("create_answers_late", "create_batch", &[soon]).await;
    let (google, stopped, _) = drain.end(&[]).await;
    assert!(stopped < Duration::from_millis(DELAY_MS), "{stopped:?}");
    assert_eq!(google.calls("create_batch").await, 1);
    assert!(google.calls("list_batches").await > 0);
}

/// Relays connections to a database until it is frozen. Then it keeps them open and relays nothing.
async fn relay(database: String) -> (u16, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, (freeze, frozen)) = (listener.local_addr().unwrap().port(), watch::channel(false));
    tokio::spawn(async move {
        let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
        while let Ok((mut client, _)) = listener.accept().await {
            let (database, mut frozen, kept) = (database.clone(), frozen.clone(), kept.clone());
            tokio::spawn(async move {
                let mut server = TcpStream::connect(database).await.unwrap();
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut server) => {}
                    _ = frozen.wait_for(|frozen| *frozen) => kept.lock().unwrap().push((client, server)),
                }
            });
        }
    });
    (port, freeze)
}

#[tokio::test]
async fn server_whose_database_hangs_ends_soon_after_the_stop_timeout() {
    let (postgres, google, data) = (Postgres::start(), Google::start().await, TempDir::new().unwrap());
    let direct = postgres.database("records").await;
    let address = direct.split_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
    let (port, freeze) = relay(address.clone()).await;
    let through = direct.replace(&address, &format!("127.0.0.1:{port}"));
    let settings = [("DATABASE_URL", through.as_str()), ("COLDBREW_STOP_TIMEOUT_MS", "1000")];
    let settings = [&google.settings(KEY)[..], &settings].concat();
    for is_frozen in [false, true] {
        let server = Program::serve(data.path(), &settings).await;
        let guest = TestClient::guest_at(&server.base_url).await;
        assert_eq!(guest.get("/v1/documents").await["documents"], Value::Array(Vec::new()));
        freeze.send_replace(is_frozen);
        // Each lane claims twice a second.
        tokio::time::sleep(Duration::from_millis(800)).await;
        let stopping = Instant::now();
        let status = server.stop().await;
        assert_eq!(status.success(), !is_frozen, "{status}");
        assert!(stopping.elapsed() < Duration::from_secs(1 + 3 + 4), "{:?}", stopping.elapsed());
    }
}
