//! Hours of work on several hosts with time compressed: no disk, table or store of files grows, and at the end nothing is left.
//!
//! `COLDBREW_SOAK_HOURS` (default 2) is the number of hours. In each, documents are read and deleted, processes are killed, and uploads are
//! interrupted. Then the purger's clock moves on by an hour, the cached files get an hour older, and all processes are killed and restarted.

use std::collections::BTreeMap;
use std::fs::{self, FileTimes};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coldbrew::accounts::{AttemptLimits, PasswordAttempts};
use coldbrew::changes::Changes;
use coldbrew::clock::{Clock, SystemClock};
use coldbrew::metrics::LoopAges;
use coldbrew::model::UnixMs;
use coldbrew::retention::{AccountDeletion, DeletedAccounts, Purger, Retention};
use coldbrew::store::s3::{S3, S3Config};
use coldbrew::store::sql::SqlStore;
use coldbrew_pdf::testing::simple_pdf;
use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tempfile::TempDir;

use crate::support::environment::number;
use crate::support::harness::{TestClient, choose_cryptography, files_below, http};
use crate::support::processes::{Errand, Google, Program};
use crate::support::services::S3Server;

const KEY: &str = "day";
const HOUR_MS: i64 = 3_600_000;
const DOCUMENTS_AN_HOUR: usize = 4;
/// The limit of the cache of each host. An hour's documents exceed it.
const CACHE_BYTES_MAX: u64 = 40_000;
/// The arguments of the process on each host.
const HOSTS: [&[&str]; 3] = [&["serve", "--no-worker"], &["worker"], &["worker"]];
/// Tables whose rows end with what they belong to. `jobs`, `ledger` and `spending` are history.
const TABLES: [&str; 14] = [
    "accounts",
    "answers",
    "credentials",
    "documents",
    "gone_contents",
    "leftovers",
    "page_failures",
    "page_figures",
    "page_results",
    "pages",
    "purges",
    "reservations",
    "spending_commitments",
    "uploads",
];

/// A clock that is ahead of the machine's.
struct Ahead(i64);

impl Clock for Ahead {
    fn now(&self) -> UnixMs {
        SystemClock.now().plus(self.0)
    }
}

/// What is stored at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    spool: usize,
    receiving: usize,
    cache_bytes: u64,
    objects: usize,
    rows: BTreeMap<&'static str, i64>,
}

struct Site {
    hosts: [TempDir; 3],
    shared: TempDir,
    s3: S3Server,
    google: Google,
    programs: Vec<Program>,
}

impl Site {
    async fn start() -> Self {
        choose_cryptography();
        let folder = || TempDir::new().unwrap();
        let hosts = [folder(), folder(), folder()];
        let (s3, google) = (S3Server::start().await, Google::start().await);
        let mut site = Self { hosts, shared: folder(), s3, google, programs: Vec::new() };
        site.restart().await;
        site
    }

    fn database(&self) -> String {
        SqlStore::embedded_url(&self.shared.path().join("coldbrew.db"))
    }

    /// Kills all processes and starts them again.
    async fn restart(&mut self) {
        for program in std::mem::take(&mut self.programs) {
            program.kill().await;
        }
        let (database, endpoint) = (self.database(), self.s3.endpoint());
        let cache = CACHE_BYTES_MAX.to_string();
        let mut settings = self.google.settings(KEY).to_vec();
        settings.extend([
            ("DATABASE_URL", database.as_str()),
            ("BLOB_URL", "s3://coldbrew/files"),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("COLDBREW_CACHE_BYTES_MAX", &cache),
        ]);
        for (arguments, data) in HOSTS.iter().zip(&self.hosts) {
            self.programs.push(match arguments {
                ["worker"] => Program::work(data.path(), &settings),
                _ => Program::run(arguments, data.path(), &settings).await,
            });
        }
    }

    fn address(&self) -> &str {
        &self.programs[0].base_url
    }

    /// The purger, with a clock that is ahead.
    async fn purge(&self, ahead_ms: i64) {
        let config = S3Config {
            url: "s3://coldbrew/files".into(),
            endpoint: Some(self.s3.endpoint()),
            region: "us-east-1".into(),
            access_key: Some("key".into()),
            secret_key: Some("secret".into()),
            cache_bytes_max: 0,
        };
        let store = SqlStore::open(&self.database()).await.unwrap();
        let (shared, clock) = (|| Arc::new(store.clone()), Arc::new(Ahead(ahead_ms)));
        let limits = AttemptLimits { failures_max: 5, delay_max: Duration::from_secs(900) };
        let purger = Purger {
            loops: LoopAges::default(),
            deletion: AccountDeletion {
                accounts: shared(),
                deleted: DeletedAccounts::of(self.shared.path()),
                changes: Changes::default(),
                clock: clock.clone(),
            },
            attempts: PasswordAttempts { store: shared(), limits, clock: clock.clone() },
            expiry: shared(),
            purges: shared(),
            uploads: shared(),
            blobs: Arc::new(S3::open(&config, self.shared.path().join("cache")).await.unwrap()),
            clock,
            retention: Retention { guest_days: 0, upload_days: 7 },
        };
        purger.round().await.unwrap();
        purger.purge_files().await.unwrap();
        store.close().await;
    }

    /// Cached files become an hour older.
    fn age_caches(&self) {
        for file in self.hosts.iter().flat_map(|data| files(&data.path().join("cache"))) {
            let found = fs::metadata(&file).unwrap();
            let hour = Duration::from_secs(3_600);
            let (stored, opened) = (found.modified().unwrap() - hour, found.accessed().unwrap() - hour);
            let times = FileTimes::new().set_modified(stored).set_accessed(opened);
            fs::File::open(file).unwrap().set_times(times).unwrap();
        }
    }

    async fn stored(&self) -> Stored {
        let of = |folder: &str| self.hosts.iter().map(|data| files_below(&data.path().join(folder))).sum::<usize>();
        let caches = self.hosts.iter().map(|data| {
            files(&data.path().join("cache"))
                .iter()
                .filter_map(|file| Some(fs::metadata(file).ok()?.len()))
                .sum::<u64>()
        });
        let list = http().get(format!("{}/coldbrew?list-type=2", self.s3.endpoint())).send().await.unwrap();
        let mut database = SqliteConnection::connect(&self.database()).await.unwrap();
        let mut rows = BTreeMap::new();
        for table in TABLES {
            let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
            rows.insert(table, sqlx::query_scalar(sql).fetch_one(&mut database).await.unwrap());
        }
        Stored {
            spool: of("spool"),
            receiving: of("receiving"),
            cache_bytes: caches.max().unwrap_or_default(),
            objects: list.text().await.unwrap().matches("<Key>").count(),
            rows,
        }
    }

    /// Waits until everything is as expected: other processes purge as well.
    async fn stored_is(&self, is_expected: impl Fn(&Stored) -> bool) -> Stored {
        let mut stored = self.stored().await;
        for _ in 0..300 {
            if is_expected(&stored) {
                return stored;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            stored = self.stored().await;
        }
        panic!("{stored:#?}");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).collect()
}

/// A document of about 20 kB that differs from all others.
fn book(name: &str) -> Vec<u8> {
    let texts: Vec<String> = (0..2).map(|page| format!("Book {name}, page {page}. {}", "Text. ".repeat(200))).collect();
    simple_pdf(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Reads documents and deletes them. One is uploaded again while its files are purged.
async fn read_and_delete(guest: &TestClient, hour: u64) {
    let mut accepted = Vec::new();
    for number in 0..DOCUMENTS_AN_HOUR {
        let errand = Errand { book: book(&format!("{hour}.{number}")), batch_mode: number != 0 };
        accepted.push((errand.try_once(guest).await.expect("it is accepted"), errand));
    }
    for (number, (content_hash, errand)) in accepted.iter().enumerate() {
        let passes = if number == 1 { 2 } else { 1 };
        for pass in 1..=passes {
            let ended = guest.batch_end(content_hash).await;
            assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
            let path = format!("/v1/documents/{}", ended["document_id"].as_str().unwrap());
            assert_eq!(guest.send(Method::DELETE, &path, None).await.status(), StatusCode::NO_CONTENT);
            if pass < passes {
                let prepared: serde_json::Value =
                    guest.upload("book.pdf", errand.book.clone()).await.json().await.unwrap();
                let wish = json!({"hash": prepared["hash"], "ai_transform": true, "batch_mode": true});
                let answer = guest.send(Method::POST, "/v1/documents/document", Some(wish)).await;
                assert_eq!(answer.status(), StatusCode::ACCEPTED, "the file of the content is stored");
            }
        }
    }
}

/// Prints what is stored after each hour.
#[tokio::test]
async fn hours_of_documents_leave_flat_disks_and_tables() {
    let hours = number("COLDBREW_SOAK_HOURS").unwrap_or(2);
    let mut site = Site::start().await;
    let guest = TestClient::guest_at(site.address()).await;
    for hour in 0..hours {
        let guest = guest.at(site.address());
        read_and_delete(&guest, hour).await;
        guest.upload("unused.pdf", book(&format!("{hour}.unused"))).await;
        let leaver = TestClient::guest_at(site.address()).await;
        leaver.upload("book.pdf", book("of a leaver")).await;
        assert_eq!(leaver.send(Method::DELETE, "/v1/users/me", None).await.status(), StatusCode::NO_CONTENT);
        // The server is killed while it receives a file.
        let sent = guest.try_upload("large.pdf", vec![b'%'; 40_000_000]);
        drop(tokio::time::timeout(Duration::from_millis(40), sent).await);
        site.age_caches();
        site.restart().await;
        let ahead_ms = (i64::try_from(hour).unwrap() + 1) * HOUR_MS;
        site.purge(ahead_ms).await;
        // What is kept: one unused upload of each hour.
        let unused = usize::try_from(hour).unwrap() + 1;
        let stored = site
            .stored_is(|stored| {
                let rows = |tables: &[&str]| tables.iter().map(|table| stored.rows[table]).sum::<i64>();
                (stored.spool, stored.receiving, stored.objects) == (0, 0, unused)
                    && stored.cache_bytes <= CACHE_BYTES_MAX
                    && rows(&["uploads"]) == unused as i64
                    && rows(&["accounts"]) == 1
                    && rows(&["documents", "leftovers", "page_failures", "page_figures", "page_results", "pages"]) == 0
                    && rows(&["reservations", "spending_commitments"]) == 0
                    && rows(&["purges", "answers", "gone_contents", "credentials"]) < 20
            })
            .await;
        println!("hour {}: {stored:?}", hour + 1);
        assert!(site.google.no_input_is_left(KEY).await, "an input file was left at Google");
    }
    // Unused uploads are kept for a week.
    let week_ms = (i64::try_from(hours).unwrap() + 24 * 8) * HOUR_MS;
    site.purge(week_ms).await;
    // Each purge is carried out once more, ten minutes later.
    site.purge(week_ms + HOUR_MS).await;
    let stored = site
        .stored_is(|stored| {
            let left = ["uploads", "purges", "answers", "gone_contents"].map(|table| stored.rows[table]);
            stored.objects == 0 && left == [0; 4]
        })
        .await;
    println!("a week later: {stored:?}");
}
