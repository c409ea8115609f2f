//! The process is aborted at each named point between two effects, and started again: whatever the point, the job reaches its end,
//! is paid for once, and leaves nothing behind.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use futures::StreamExt;
use tempfile::TempDir;

use crate::harness::{TestClient, book};
use crate::processes::{Errand, Google, Program, check_books};
use crate::services::Postgres;

const PAGES: usize = 2;
/// Points that are tried at once, each with an emulator of its own, since faults are the emulator's.
const LANES: usize = 3;
/// Tasks as `Task::name` has them.
const TASKS: [&str; 9] =
    ["prepare", "upload", "record attempt", "create", "seek", "poll", "withdraw", "collect", "read"];

/// All points, as the source names them.
fn points() -> Vec<(String, String)> {
    let mut points = BTreeSet::new();
    for (_, code) in crate::rules::sources() {
        for call in code.split("crash_point(").skip(1) {
            let arguments = call.split(");").next().unwrap();
            let quoted: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
            match quoted[..] {
                [scope, point] if arguments.starts_with('"') => points.extend([(scope.to_owned(), point.to_owned())]),
                // The scope is the task at hand.
                [.., point] => points.extend(TASKS.map(|task| (task.to_owned(), point.to_owned()))),
                // The function itself.
                [] => {}
            }
        }
    }
    // What ends these tasks is stored in the transaction that has points of its own.
    points
        .into_iter()
        .filter(|(scope, point)| !(point == "committed" && ["collect", "read"].contains(&&**scope)))
        .collect()
}

/// Where the records of one job are kept.
enum Database<'a> {
    Embedded,
    Postgres(&'a Postgres),
}

impl Database<'_> {
    async fn url(&self, name: &str) -> Option<String> {
        match self {
            Self::Embedded => None,
            Self::Postgres(postgres) => Some(postgres.database(name).await),
        }
    }
}

/// What it takes to get to a point.
fn circumstances(scope: &str) -> (bool, Option<&'static str>) {
    match scope {
        "read" | "record page" => (false, None),
        "seek" => (true, Some("create_hangs_up")),
        "withdraw" => (true, Some("stuck_pending")),
        _ => (true, None),
    }
}

/// Crashes at a point, restarts, and checks. Returns what the document cost.
async fn crash_at(point: Option<(&str, &str)>, batch_mode: bool, google: &Google, database: Option<&str>) -> u64 {
    let data = TempDir::new().unwrap();
    let key = data.path().file_name().unwrap().to_str().unwrap().to_owned();
    let mut settings = google.settings(&key).to_vec();
    settings.push(("COLDBREW_PENDING_MAX_MS", "400"));
    settings.extend(database.map(|url| ("DATABASE_URL", url)));
    let errand = Errand { book: book(PAGES), batch_mode };
    let mut guest = None;
    let mut accepted = None;
    if let Some((scope, point)) = point {
        let name = format!("{scope}/{point}");
        let armed: Vec<_> = settings.iter().copied().chain([("COLDBREW_CRASH_AT", name.as_str())]).collect();
        let mut server = Program::serve(data.path(), &armed).await;
        let first = TestClient::guest_at(&server.base_url).await;
        accepted = errand.try_once(&first).await;
        let status = server.ended(Duration::from_secs(30)).await;
        let status = status.unwrap_or_else(|| panic!("no process ever comes to {name}"));
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
    assert_eq!(ended["status"], "SUCCEEDED", "{point:?}: {ended}");
    assert!(ended["document_id"].is_string(), "{point:?}: {ended}");
    google.check(&key).await;
    Program::see_doctor(data.path(), &settings).await;
    check_books(&guest, 1).await
}

async fn crash_everywhere(database: Database<'_>) {
    let points = points();
    assert!(points.len() >= 40, "there are only {} points", points.len());
    let lanes = futures::stream::iter(0..LANES).map(|lane| {
        let (points, database) = (&points, &database);
        async move {
            let google = Google::start().await;
            let batch_cost =
                crash_at(None, true, &google, database.url(&format!("batch_{lane}")).await.as_deref()).await;
            let read_cost =
                crash_at(None, false, &google, database.url(&format!("read_{lane}")).await.as_deref()).await;
            assert!(0 < batch_cost && batch_cost < read_cost);
            for (number, (scope, point)) in points.iter().enumerate().skip(lane).step_by(LANES) {
                let (batch_mode, fault) = circumstances(scope);
                if let Some(fault) = fault {
                    google.arm(fault).await;
                }
                let url = database.url(&format!("point_{number}")).await;
                let cost = crash_at(Some((scope, point)), batch_mode, &google, url.as_deref()).await;
                assert_eq!(cost, if batch_mode { batch_cost } else { read_cost }, "{scope}/{point}");
            }
        }
    });
    lanes.buffer_unordered(LANES).collect::<()>().await;
    println!("crashed at {} points, each time without a loss", points.len());
}

#[tokio::test]
async fn a_crash_anywhere_loses_nothing_on_sqlite() {
    crash_everywhere(Database::Embedded).await;
}

#[tokio::test]
async fn a_crash_anywhere_loses_nothing_on_postgresql() {
    crash_everywhere(Database::Postgres(&Postgres::start())).await;
}
