//! Aborts the process at each crash point and restarts it. At every point, the job reaches its end, is paid for once, and leaves nothing
//! behind.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use futures::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection};
use tempfile::TempDir;

use crate::support::harness::{TestClient, book, http, wait_for_files};
use crate::support::processes::{Errand, Google, Program, check_books};
use crate::support::services::{Postgres, Redis};
use crate::web::accounts::with_arguments;

const PAGES: usize = 2;
/// Points that are tested at once. Each lane has an emulator of its own, because a fault is armed for a whole emulator.
const LANES: usize = 3;
/// How long a busy machine may take to accept a document, and again to reach a point.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The names of all values of `Task`.
const TASKS: [&str; 10] =
    ["prepare", "upload", "record attempt", "create", "reconcile", "poll", "cancel", "download", "realtime", "flex"];

/// All crash points that the source names, as scope and point.
fn points() -> Vec<(String, String)> {
    let mut points = BTreeSet::new();
    for (_, code) in crate::rules::sources() {
        for call in code.split("crash_point(").skip(1) {
            let arguments = call.split(");").next().unwrap();
            let quoted: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
            match quoted[..] {
                [scope, point] if arguments.starts_with('"') => points.extend([(scope.to_owned(), point.to_owned())]),
                // The scope is the name of the current task.
                [.., point] => points.extend(TASKS.map(|task| (task.to_owned(), point.to_owned()))),
                // The definition of the function.
                [] => {}
            }
        }
    }
    // The steps of these tasks are committed by `complete`, which has crash points of its own.
    points
        .into_iter()
        .filter(|(scope, point)| !(point == "committed" && ["download", "realtime", "flex"].contains(&&**scope)))
        .collect()
}

/// The services that a server uses besides its data folder.
#[derive(Default)]
struct Services {
    postgres: Option<Postgres>,
    redis: Option<Redis>,
}

impl Services {
    /// Settings of a server that uses a database of its own: `name` in PostgreSQL, `number` in Redis.
    async fn settings(&self, name: &str, number: usize) -> Vec<(&'static str, String)> {
        let mut settings = Vec::new();
        if let Some(postgres) = &self.postgres {
            settings.push(("DATABASE_URL", postgres.database(name).await));
        }
        settings.extend(self.redis.as_ref().map(|redis| ("REDIS_URL", format!("{}/{number}", redis.url()))));
        settings
    }
}

/// The job and the fault with which a point is reached, and the end of the job.
#[derive(Clone, Copy)]
struct Circumstances {
    batch_mode: bool,
    fault: Option<&'static str>,
    end: &'static str,
}

impl Circumstances {
    const READ: Self = Self { batch_mode: false, fault: None, end: "SUCCEEDED" };
    const BATCH: Self = Self { batch_mode: true, fault: None, end: "SUCCEEDED" };

    fn of(scope: &str, point: &str) -> Self {
        match (scope, point) {
            ("realtime", "attempt recorded") => Self { fault: Some("row_recitation"), ..Self::READ },
            ("realtime" | "record page", _) => Self::READ,
            ("download", "pages kept") => Self { fault: Some("row_missing"), ..Self::BATCH },
            ("reconcile", _) => Self { fault: Some("create_hangs_up"), ..Self::BATCH },
            ("cancel", _) => Self { fault: Some("stuck_pending"), ..Self::BATCH },
            ("flex", _) => Self { fault: Some("batch_fails"), ..Self::BATCH },
            ("end", _) => Self { fault: Some("file_failed"), end: "FAILED", ..Self::BATCH },
            _ => Self::BATCH,
        }
    }
}

/// How often a point is tried. On a busy machine a lease can expire, and the job then takes another way to its end.
const TRIES: usize = 4;

/// Crashes at a point, restarts, and checks the job. Without a point it only checks the job. Returns what the document cost.
async fn crash_at(
    point: Option<(&str, &str)>,
    circumstances: Circumstances,
    google: &Google,
    services: &[(&'static str, String)],
) -> u64 {
    for _ in 0..TRIES {
        if let Some(cost) = try_crash_at(point, circumstances, google, services).await {
            return cost;
        }
    }
    panic!("{point:?}: all {TRIES} jobs ended on another way");
}

/// `None`: the job ended without reaching the point.
async fn try_crash_at(
    point: Option<(&str, &str)>,
    Circumstances { batch_mode, fault, end }: Circumstances,
    google: &Google,
    services: &[(&'static str, String)],
) -> Option<u64> {
    google.disarm().await;
    if let Some(fault) = fault {
        // A restart does not repeat a success, but it repeats a failure that no record names.
        google.arm(fault, if end == "FAILED" { 9 } else { 1 }).await;
    }
    let data = TempDir::new().unwrap();
    let key = data.path().file_name().unwrap().to_str().unwrap().to_owned();
    let mut settings = google.settings(&key).to_vec();
    settings.push(("COLDBREW_PENDING_MAX_MS", "400"));
    settings.extend(services.iter().map(|(name, value)| (*name, value.as_str())));
    let errand = Errand { book: book(PAGES), batch_mode };
    let mut guest = None;
    let mut accepted = None;
    if let Some((scope, point)) = point {
        let name = format!("{scope}/{point}");
        let armed: Vec<_> = settings.iter().copied().chain([("COLDBREW_CRASH_AT", name.as_str())]).collect();
        let mut server = Program::serve(data.path(), &armed).await;
        let first = TestClient::guest_at(&server.base_url).await;
        let mut status = None;
        // A busy machine may refuse requests at first.
        let refused_until = Instant::now() + TIMEOUT;
        while accepted.is_none() && status.is_none() && Instant::now() < refused_until {
            accepted = errand.try_once(&first).await;
            status = server.ended(Duration::from_millis(50)).await;
        }
        if status.is_none() {
            status = server.ended(TIMEOUT).await;
        }
        let Some(status) = status else {
            let job = match &accepted {
                Some(content_hash) => first.get(&format!("/v1/documents/batch/{content_hash}/status")).await,
                None => Value::Null,
            };
            if job["status"] == end {
                return None;
            }
            panic!("no process reached {name}: {job}");
        };
        assert_eq!(status.signal(), Some(6), "{name}: {status}");
        guest = Some(first);
    }
    let server = Program::serve(data.path(), &settings).await;
    let guest = match guest {
        Some(guest) => guest.at(&server.base_url),
        None => TestClient::guest_at(&server.base_url).await,
    };
    let content_hash = match accepted {
        Some(content_hash) => content_hash,
        None => errand.try_once(&guest).await.unwrap(),
    };
    let ended = guest.batch_end(&content_hash).await;
    assert_eq!(ended["status"], end, "{point:?}: {ended}");
    let documents = usize::from(end == "SUCCEEDED");
    assert_eq!(usize::from(ended["document_id"].is_string()), documents, "{point:?}: {ended}");
    google.check(&key).await;
    if point.is_some_and(|(scope, _)| scope == "upload") {
        assert!(google.no_input_is_left(&key).await, "{point:?}: the first input file is left at Google");
    }
    Program::see_doctor(data.path(), &settings).await;
    Some(check_books(&guest, documents).await)
}

/// An account is deleted while its batch is pending at Google, which would never start. The process crashes at a point of the reaper.
async fn crash_while_leaving(point: &str, google: &Google, services: &[(&'static str, String)]) {
    google.arm("stuck_pending", 1).await;
    let data = TempDir::new().unwrap();
    let key = data.path().file_name().unwrap().to_str().unwrap().to_owned();
    let mut settings = google.settings(&key).to_vec();
    settings.extend(services.iter().map(|(name, value)| (*name, value.as_str())));
    let name = format!("orphan/{point}");
    let armed: Vec<_> = settings.iter().copied().chain([("COLDBREW_CRASH_AT", name.as_str())]).collect();
    let mut server = Program::serve(data.path(), &armed).await;
    let guest = TestClient::guest_at(&server.base_url).await;
    let errand = Errand { book: book(PAGES), batch_mode: true };
    while errand.try_once(&guest).await.is_none() || google.batches(&key).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let leave = async |guest: &TestClient| guest.try_send(Method::DELETE, "/v1/users/me", None).await;
    // The server may crash before it answers.
    drop(leave(&guest).await);
    let status = server.ended(Duration::from_secs(30)).await;
    let status = status.unwrap_or_else(|| panic!("no process reached {name}"));
    assert_eq!(status.signal(), Some(6), "{name}: {status}");

    let server = Program::serve(data.path(), &settings).await;
    // The request is repeated. If the first one deleted the account, this one is not authenticated.
    let again = leave(&guest.at(&server.base_url)).await.unwrap().status();
    assert!([StatusCode::NO_CONTENT, StatusCode::UNAUTHORIZED].contains(&again), "{name}: {again}");
    while google.batches(&key).await.iter().any(|batch| batch["metadata"]["state"] != "BATCH_STATE_CANCELLED") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(google.check(&key).await, 1, "{name}");
    Program::see_doctor(data.path(), &settings).await;
}

/// Signs in at a server, with the session and the choice of a guest if there is one. `None`: the server ended meanwhile.
async fn sign_in(base_url: &str, name: &str, guest: Option<&TestClient>) -> Option<TestClient> {
    let mut form = json!({"email": "ada@example.org", "password": "a good long one"});
    let mut request = http().post(format!("{base_url}/api/{name}"));
    if let Some(guest) = guest {
        form["bring"] = json!(true);
        request = request.header("cookie", format!("coldbrew={}", guest.token));
    }
    let answer = with_arguments(request, name, &form).send().await.ok()?;
    assert!(answer.status().is_success(), "{name}: {}", answer.status());
    Some(TestClient::new(base_url, &session_of(&answer)))
}

/// The secret of the session that an answer starts.
fn session_of(answer: &reqwest::Response) -> String {
    let cookies = answer.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    let session = cookies.filter_map(|cookie| cookie.split(';').next()?.strip_prefix("coldbrew=")).next();
    session.expect("the answer starts a session").to_owned()
}

/// A guest with a batch under way signs in and brings it along, and the process crashes at a point of that. Returns what the batch cost.
async fn crash_while_merging(point: &str, google: &Google, services: &[(&'static str, String)]) -> u64 {
    let data = TempDir::new().unwrap();
    let key = data.path().file_name().unwrap().to_str().unwrap().to_owned();
    let mut settings = google.settings(&key).to_vec();
    settings.extend(services.iter().map(|(name, value)| (*name, value.as_str())));
    let name = format!("merge/{point}");
    let armed: Vec<_> = settings.iter().copied().chain([("COLDBREW_CRASH_AT", name.as_str())]).collect();
    let mut server = Program::serve(data.path(), &armed).await;
    sign_in(&server.base_url, "sign_up", None).await.unwrap();
    let started = http().post(format!("{}/api/start_session", server.base_url)).send().await.unwrap();
    let guest = TestClient::new(&server.base_url, &session_of(&started));
    let errand = Errand { book: book(PAGES), batch_mode: true };
    let content_hash = loop {
        if let Some(content_hash) = errand.try_once(&guest).await {
            break content_hash;
        }
    };
    assert!(sign_in(&server.base_url, "sign_in", Some(&guest)).await.is_none(), "no request ever comes to {name}");
    let status = server.ended(TIMEOUT).await;
    assert_eq!(status.and_then(|status| status.signal()), Some(6), "{name}: {status:?}");

    let server = Program::serve(data.path(), &settings).await;
    let member = sign_in(&server.base_url, "sign_in", Some(&guest)).await.unwrap();
    let ended = member.batch_end(&content_hash).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{name}: {ended}");
    google.check(&key).await;
    Program::see_doctor(data.path(), &settings).await;
    check_books(&member, 1).await
}

/// A document is deleted, and the process crashes at a point of that or of the purge of its file.
async fn crash_while_purging(point: &str, google: &Google, services: &[(&'static str, String)]) {
    let data = TempDir::new().unwrap();
    let mut settings = google.settings("purge").to_vec();
    settings.extend(services.iter().map(|(name, value)| (*name, value.as_str())));
    let name = format!("purge/{point}");
    let armed: Vec<_> = settings.iter().copied().chain([("COLDBREW_CRASH_AT", name.as_str())]).collect();
    let mut server = Program::serve(data.path(), &armed).await;
    let guest = TestClient::guest_at(&server.base_url).await;
    let prepared = guest.upload_pages(PAGES).await;
    let document: Value = guest.submit(&prepared, false, false).await.json().await.unwrap();
    let path = format!("/v1/documents/{}", document["id"].as_str().unwrap());
    // The server may crash before it answers.
    drop(guest.try_send(Method::DELETE, &path, None).await);
    let status = server.ended(TIMEOUT).await;
    assert_eq!(status.and_then(|status| status.signal()), Some(6), "{name}: {status:?}");

    let server = Program::serve(data.path(), &settings).await;
    let again = guest.at(&server.base_url).try_send(Method::DELETE, &path, None).await.unwrap().status();
    let expected = if point == "recorded" { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND };
    assert_eq!(again, expected, "{name}");
    // The claim of the process that crashed ends.
    sqlx::any::install_default_drivers();
    let own = format!("sqlite://{}", data.path().join("coldbrew.db").display());
    let url = services.iter().find(|(name, _)| *name == "DATABASE_URL").map_or(own, |(_, url)| url.clone());
    let mut database = AnyConnection::connect(&url).await.unwrap();
    sqlx::query("UPDATE purges SET due_at = 0").execute(&mut database).await.unwrap();
    wait_for_files(&data.path().join("blobs"), 0).await;
    Program::see_doctor(data.path(), &settings).await;
}

async fn crash_everywhere(services: Services) {
    let points = points();
    assert!(points.len() >= 40, "there are only {} points", points.len());
    let lanes = futures::stream::iter(0..LANES).map(|lane| {
        let (points, services) = (&points, &services);
        async move {
            let google = Google::start().await;
            let (batch, read) = (Circumstances::BATCH, Circumstances::READ);
            let first = services.settings(&format!("batch_{lane}"), 2 * lane).await;
            let batch_cost = crash_at(None, batch, &google, &first).await;
            let second = services.settings(&format!("read_{lane}"), 2 * lane + 1).await;
            let read_cost = crash_at(None, read, &google, &second).await;
            assert!(0 < batch_cost && batch_cost < read_cost);
            for (number, (scope, point)) in points.iter().enumerate().skip(lane).step_by(LANES) {
                if scope == "orphan" {
                    let settings = services.settings(&format!("point_{number}"), 2 * LANES + number).await;
                    crash_while_leaving(point, &google, &settings).await;
                    continue;
                }
                if scope == "purge" {
                    let settings = services.settings(&format!("point_{number}"), 2 * LANES + number).await;
                    crash_while_purging(point, &google, &settings).await;
                    continue;
                }
                if scope == "merge" {
                    let settings = services.settings(&format!("point_{number}"), 2 * LANES + number).await;
                    assert_eq!(crash_while_merging(point, &google, &settings).await, batch_cost, "{scope}/{point}");
                    continue;
                }
                let circumstances = Circumstances::of(scope, point);
                let cost_expected = match (circumstances.end, circumstances.batch_mode) {
                    ("SUCCEEDED", true) => batch_cost,
                    ("SUCCEEDED", false) => read_cost,
                    _ => 0,
                };
                let settings = services.settings(&format!("point_{number}"), 2 * LANES + number).await;
                let cost = crash_at(Some((scope, point)), circumstances, &google, &settings).await;
                // A page that is read in another way costs more, because its own text is in the prompt.
                let is_dearer = circumstances.fault == Some("row_recitation") && cost > cost_expected;
                assert!(cost == cost_expected || is_dearer, "{scope}/{point}: {cost} and not {cost_expected}");
            }
        }
    });
    lanes.buffer_unordered(LANES).collect::<()>().await;
    println!("crashed at {} points, nothing was lost", points.len());
}

#[tokio::test]
async fn crash_at_any_point_loses_nothing_on_sqlite() {
    crash_everywhere(Services::default()).await;
}

#[tokio::test]
async fn crash_at_any_point_loses_nothing_on_sqlite_with_redis() {
    crash_everywhere(Services { postgres: None, redis: Some(Redis::start()) }).await;
}

#[tokio::test]
async fn crash_at_any_point_loses_nothing_on_postgresql_with_redis() {
    crash_everywhere(Services { postgres: Some(Postgres::start()), redis: Some(Redis::start()) }).await;
}

/// The points of a purge alone, which take less time than all.
#[tokio::test]
async fn crash_while_files_are_purged_loses_nothing_and_leaves_no_file() {
    let google = Google::start().await;
    for (_, point) in points().into_iter().filter(|(scope, _)| scope == "purge") {
        crash_while_purging(&point, &google, &[]).await;
    }
}

/// The points of a merge alone, which take less time than all.
#[tokio::test]
async fn crash_while_a_guest_signs_in_loses_nothing() {
    let google = Google::start().await;
    for (_, point) in points().into_iter().filter(|(scope, _)| scope == "merge") {
        assert!(crash_while_merging(&point, &google, &[]).await > 0);
    }
}
