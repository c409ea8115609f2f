//! Requests that would spend the operator's money.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::{Json, Router};
use coldbrew::accounts::spending::DaySpending;
use coldbrew::clock::{Clock, SystemClock};
use coldbrew::jobs::Spending;
use coldbrew::model::{BlockedReason, UnixMs};
use coldbrew::operations::Operations;
use coldbrew::store::sql::SqlStore;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};

use crate::pdf::engine::photograph;
use crate::support::harness::{TestClient, TestGemini, TestServer, book, refused};

/// Dollars per million input and output tokens.
const PRICES: (&str, &str) = ("GEMINI_PRICES", "1 10");
const INPUT_TOKENS: u64 = 900;

/// A Gemini API for single pages. The test sets the cost of the answers.
#[derive(Clone)]
struct Gemini {
    base_url: String,
    output_tokens: Arc<AtomicU64>,
    answered: Arc<AtomicUsize>,
    /// One permit for each request that may be answered.
    gate: Arc<Semaphore>,
    /// `maxOutputTokens` of each request.
    limits: Arc<Mutex<Vec<u64>>>,
}

impl Gemini {
    /// Starts the API. It answers only after [`Self::open`].
    async fn start(output_tokens: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gemini = Self {
            base_url: format!("http://{}", listener.local_addr().unwrap()),
            output_tokens: Arc::new(AtomicU64::new(output_tokens)),
            answered: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
            limits: Arc::default(),
        };
        let router = Router::new().fallback(Self::answer).with_state(gemini.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        gemini
    }

    fn open(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    async fn answer(State(gemini): State<Self>, Json(request): Json<Value>) -> Json<Value> {
        gemini.limits.lock().await.push(request["generationConfig"]["maxOutputTokens"].as_u64().unwrap());
        gemini.gate.acquire().await.unwrap().forget();
        gemini.answered.fetch_add(1, Ordering::Relaxed);
        let output_tokens = gemini.output_tokens.load(Ordering::Relaxed);
        Json(json!({
            "candidates": [{"content": {"parts": [{"text": "Text."}], "role": "model"}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": INPUT_TOKENS, "candidatesTokenCount": output_tokens},
        }))
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    fn settings<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        [&[("GEMINI_BASE_URL", self.base_url.as_str()), ("GEMINI_API_KEY", "a-key"), PRICES], more].concat()
    }
}

/// The database of a running server.
async fn records(data: &TempDir) -> SqlStore {
    SqlStore::open(&SqlStore::embedded_url(&data.path().join("coldbrew.db"))).await.unwrap()
}

async fn spent_today(store: &SqlStore) -> DaySpending {
    store.spent_on(SystemClock.now().day()).await.unwrap()
}

/// Waits until every active job waits for the budget, and returns their number. The state is polled.
async fn all_wait_for_budget(store: &SqlStore) -> usize {
    for _ in 0..1_200 {
        let jobs = store.queue().await.unwrap();
        let waits = |due_at: UnixMs, by| by == Some(BlockedReason::Spending) && due_at > SystemClock.now();
        if jobs.iter().all(|job| waits(job.due_at, job.blocked_by)) {
            return jobs.len();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not all jobs wait for the budget: {:?}", store.queue().await.unwrap());
}

/// Submits a book with this many pages in realtime mode. Returns the path of its status.
async fn submit(guest: &TestClient, pages: usize) -> String {
    let answer = guest.submit(&guest.upload_pages(pages).await, true, false).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let ticket: Value = answer.json().await.unwrap();
    format!("/v1/documents/extraction/{}", ticket["extraction_id"].as_str().unwrap())
}

/// A page costs $0.0019 and may cost $0.088, so only one at a time fits a ceiling of $0.02: nine of 24 pages.
#[tokio::test]
async fn guests_beyond_their_ceiling_are_refused_or_wait_until_it_is_raised() {
    let data = TempDir::new().unwrap();
    let gemini = Gemini::start(100).await;
    let settings = gemini.settings(&[("COLDBREW_SPEND_GUESTS_DAILY_USD_MAX", "0.02")]);
    let server = TestServer::start(&data, &settings).await;
    let mut documents = Vec::new();
    for _ in 0..8 {
        let guest = server.guest().await;
        let status = submit(&guest, 3).await;
        documents.push((guest, status));
    }
    gemini.open();
    let store = records(&data).await;
    let waiting = all_wait_for_budget(&store).await;
    assert!(waiting >= 5, "{waiting}");
    assert_eq!(gemini.answered(), 9);
    let DaySpending { members, guests } = spent_today(&store).await;
    assert_eq!((guests.settled, guests.committed, members.settled), (9 * 1_900, 0, 0));

    let late = server.guest().await;
    let prepared = late.upload_pages(1).await;
    let answer = late.submit(&prepared, true, false).await;
    assert_eq!(answer.headers()["retry-after"], "600");
    let error = refused(answer, 503, "spending_limit").await;
    assert!(error["message"].as_str().unwrap().contains("budget for Gemini is used up"), "{error}");
    assert_eq!(late.submit(&prepared, false, false).await.status(), StatusCode::CREATED, "text mode is free");
    let mut explained = 0;
    for (guest, status) in &documents {
        let job = guest.get(status).await;
        let hash = guest.upload_pages(3).await["content_hash"].as_str().unwrap().to_owned();
        let page = guest.page(&format!("/batch/{hash}")).await;
        explained += usize::from(page.contains("This server's daily budget for Gemini is used up"));
        assert!(["RUNNING", "SUCCEEDED"].contains(&job["status"].as_str().unwrap()), "{job}");
    }
    assert_eq!(explained, waiting, "each waiting job shows the reason");
    let metrics = late.send(Method::GET, "/metrics", None).await.text().await.unwrap();
    for line in [
        "coldbrew_spending_today_microdollars{account=\"guest\"} 17100",
        "coldbrew_spending_ceiling_microdollars{accounts=\"guests\"} 20000",
        "coldbrew_queue_wait_seconds",
        "coldbrew_guests_made_total",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    server.stop().await;

    let settings = gemini.settings(&[("COLDBREW_SPEND_GUESTS_DAILY_USD_MAX", "1")]);
    let server = TestServer::start(&data, &settings).await;
    for (guest, status) in &documents {
        assert_eq!(guest.at(&server.base_url).end_of(status).await["status"], "SUCCEEDED");
    }
    assert_eq!(gemini.answered(), 24);
    assert_eq!(spent_today(&store).await.guests.settled, 24 * 1_900);
}

#[tokio::test]
async fn batch_above_the_daily_ceiling_is_refused() {
    let (data, google) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let gemini = TestGemini::start(&google).await;
    let settings = [gemini.settings().as_slice(), &[PRICES, ("COLDBREW_SPEND_DAILY_USD_MAX", "0.01")]].concat();
    let server = TestServer::start(&data, &settings).await;
    let guest = server.guest().await;
    let error = refused(guest.submit(&guest.upload_pages(30).await, true, true).await, 503, "spending_limit").await;
    assert!(error["message"].as_str().unwrap().contains("Choose fewer pages"), "{error}");
    let ticket: Value = guest.submit(&guest.upload_pages(3).await, true, true).await.json().await.unwrap();
    assert_eq!(guest.batch_end(ticket["content_hash"].as_str().unwrap()).await["status"], "SUCCEEDED");
}

/// Pages that cost seven times their estimate: 12 pages are estimated at 32,448 tokens, and each is charged 18,900.
#[tokio::test]
async fn realtime_job_without_quota_stops_one_page_beyond_its_reservation() {
    let data = TempDir::new().unwrap();
    let gemini = Gemini::start(3_000).await;
    gemini.open();
    let server = TestServer::start(&data, &gemini.settings(&[("COLDBREW_GUEST_QUOTA_TOKENS", "40000")])).await;
    let guest = server.guest().await;
    let status = submit(&guest, 12).await;
    let ended = guest.end_of(&status).await;
    assert_eq!((ended["status"].as_str(), ended["completed_pages"].as_u64()), (Some("SUCCEEDED"), Some(2)), "{ended}");
    assert_eq!(ended["failed_pages"].as_array().unwrap().len(), 10);
    assert_eq!(gemini.answered(), 2);
    let usage = guest.get("/v1/users/me/usage").await;
    assert_eq!((usage["used_tokens"].as_u64(), usage["reserved_tokens"].as_u64()), (Some(2 * 18_900), Some(0)));
    let document = guest.get(&format!("/v1/documents/{}", ended["document_id"].as_str().unwrap())).await;
    assert!(document["content"].to_string().contains("Your quota was used up before this page was read"), "{document}");
}

#[tokio::test]
async fn realtime_job_continues_while_the_quota_has_room() {
    let data = TempDir::new().unwrap();
    let gemini = Gemini::start(3_000).await;
    gemini.open();
    let server = TestServer::start(&data, &gemini.settings(&[("COLDBREW_GUEST_QUOTA_TOKENS", "20000000")])).await;
    let guest = server.guest().await;
    let status = submit(&guest, 12).await;
    let ended = guest.end_of(&status).await;
    assert_eq!((ended["status"].as_str(), ended["completed_pages"].as_u64()), (Some("SUCCEEDED"), Some(12)), "{ended}");
    assert_eq!(guest.get("/v1/users/me/usage").await["used_tokens"], 12 * 18_900);
}

#[tokio::test]
async fn guest_with_a_real_key_has_a_small_quota() {
    let data = TempDir::new().unwrap();
    let gemini = Gemini::start(1).await;
    let server = TestServer::start(&data, &gemini.settings(&[])).await;
    assert_eq!(server.guest().await.get("/v1/users/me/usage").await["quota_tokens"], 200_000);
}

/// Refused answers cost money, also in a batch without a document. Then the account's jobs run one at a time.
#[tokio::test]
async fn refused_answers_are_recorded_and_slow_their_account_down() {
    let (data, google) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let gemini = TestGemini::start(&google).await;
    gemini.arm(json!({"fault": "row_safety"})).await;
    let server = TestServer::start(&data, &gemini.settings()).await;
    let guest = server.guest().await;
    let ticket: Value = guest.submit(&guest.upload_pages(51).await, true, true).await.json().await.unwrap();
    let ended = guest.batch_end(ticket["content_hash"].as_str().unwrap()).await;
    assert_eq!(ended["error"]["code"], "no_usable_page", "{ended}");
    assert_eq!(guest.get("/v1/users/me/usage").await["used_tokens"], 0);
    let store = records(&data).await;
    let account = guest.get("/v1/users/me").await["user_id"].as_str().unwrap().to_owned();
    let answers = store.answers_on(&account, SystemClock.now().day()).await.unwrap();
    assert_eq!((answers.all, answers.useless), (3 * 51, 3 * 51), "each page is asked for in three ways");
    let spent = spent_today(&store).await.guests;
    assert!(spent.settled > 0 && spent.committed == 0, "{spent:?}");

    gemini.arm(json!({"fault": "stuck_pending"})).await;
    assert_eq!(guest.submit(&guest.upload_pages(2).await, true, true).await.status(), StatusCode::ACCEPTED);
    let another = guest.upload_pages(3).await;
    let error = refused(guest.submit(&another, true, true).await, 409, "limit_reached").await;
    assert!(error["message"].as_str().unwrap().contains("one at a time"), "{error}");
    let stranger = server.guest().await;
    for pages in [2, 3] {
        assert_eq!(
            stranger.submit(&stranger.upload_pages(pages).await, true, true).await.status(),
            StatusCode::ACCEPTED
        );
    }
}

#[tokio::test]
async fn output_limit_of_a_page_is_in_realtime_requests_and_batch_lines() {
    let (data, google) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let single = Gemini::start(1).await;
    single.open();
    let server = TestServer::start(&data, &single.settings(&[])).await;
    let guest = server.guest().await;
    let status = submit(&guest, 1).await;
    assert_eq!(guest.end_of(&status).await["status"], "SUCCEEDED");
    let picture: Value = guest.upload("page.png", photograph()).await.json().await.unwrap();
    let ticket: Value = guest.submit(&picture, true, false).await.json().await.unwrap();
    guest.end_of(&format!("/v1/documents/extraction/{}", ticket["extraction_id"].as_str().unwrap())).await;
    assert_eq!(*single.limits.lock().await, [8_192, 16_384]);
    server.stop().await;

    let gemini = TestGemini::start(&google).await;
    gemini.arm(json!({"fault": "stuck_pending"})).await;
    let server = TestServer::start(&data, &gemini.settings()).await;
    let guest = guest.at(&server.base_url);
    let prepared: Value = guest.upload("book.pdf", book(2)).await.json().await.unwrap();
    guest.submit(&prepared, true, true).await;
    let path = format!("/v1/documents/batch/{}/status", prepared["content_hash"].as_str().unwrap());
    while guest.get(&path).await["status"] != "PENDING" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut spool = std::fs::read_dir(data.path().join("spool")).unwrap().map(|file| file.unwrap().path());
    let input = spool.find(|path| path.to_str().unwrap().ends_with(".input.jsonl")).unwrap();
    let lines = std::fs::read_to_string(input).unwrap();
    let limit = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let config = line["request"].as_object().unwrap();
        let config = config.get("generationConfig").or(config.get("generation_config")).unwrap();
        config.get("maxOutputTokens").or(config.get("max_output_tokens")).unwrap().as_u64().unwrap()
    };
    assert_eq!(lines.lines().map(limit).collect::<Vec<_>>(), [8_192, 8_192]);
}

#[tokio::test]
async fn spending_rows_have_account_network_and_kind() {
    let data = TempDir::new().unwrap();
    let settings = [("COLDBREW_CLIENT_ADDRESS_HEADER", "x-forwarded-for")];
    let server = TestServer::start(&data, &settings).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(1).await;
    let submission = json!({"hash": prepared["hash"], "ai_transform": true, "batch_mode": false});
    let request = reqwest::Client::new().post(format!("{}/v1/documents/document", server.base_url)).json(&submission);
    let answer = request.bearer_auth(&guest.token).header("x-forwarded-for", "203.0.113.77").send().await.unwrap();
    let ticket: Value = answer.json().await.unwrap();
    guest.end_of(&format!("/v1/documents/extraction/{}", ticket["extraction_id"].as_str().unwrap())).await;
    let url = format!("sqlite://{}", data.path().join("coldbrew.db").display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    let query =
        sqlx::query("SELECT account_id, network, is_guest, page_index, answers, assumed, micro_dollars FROM spending");
    let row = query.fetch_one(&mut database).await.unwrap();
    assert_eq!(row.get::<&str, _>("account_id"), guest.get("/v1/users/me").await["user_id"].as_str().unwrap());
    assert_eq!(row.get::<&str, _>("network"), "203.0.113.0/24");
    let number = |column: &str| row.get::<i64, _>(column);
    assert_eq!(["is_guest", "page_index", "answers", "assumed"].map(number), [1, 0, 1, 0]);
    assert!(number("micro_dollars") > 0);
}
