//! Conformance tests of the ports. Every adapter in `conform!` has to pass all of them.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use coldbrew::accounts::{Account, Accounts, Credential, CredentialKind, SignIns, Storage};
use coldbrew::clock::Clock;
use coldbrew::documents::Documents;
use coldbrew::extract::Recipe;
use coldbrew::extract::{PageOutcome, PageResult};
use coldbrew::jobs::Spending;
use coldbrew::jobs::machine::Lane;
use coldbrew::jobs::{Acceptance, Completion, Jobs, OrphanedResources, PageAttempts, PollingJobs};
use coldbrew::jobs::{Job, JobIds, RemoteBatch, Stage};
use coldbrew::model::wire::{JobError, Metadata, Usage};
use coldbrew::model::{BlockedReason, Mode, PageSet, TokenUsage, UnixMs};
use coldbrew::operations::{DatabaseTime, Operations};
use coldbrew::store::sql::SqlStore;
use coldbrew::uploads::{Figures, Upload, Uploads};
use futures::StreamExt;
use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::support::memory::{Memory, UNLIMITED};
use crate::support::services::Postgres;

/// Makes a test of each adapter from each of these functions.
macro_rules! conform {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $test() { super::$test(crate::conformance::Stores::sqlite().await).await })+
        }
        mod memory {
            $(#[tokio::test] async fn $test() { super::$test(crate::conformance::Stores::memory()).await })+
        }
        mod postgres {
            $(#[tokio::test] async fn $test() { super::$test(crate::conformance::Stores::postgres().await).await })+
        }
    };
}

mod accounts;
mod admission;
mod attempts;
mod blobs;
mod claims;
mod documents;
mod figures;
mod limits;
mod locks;
mod members;
mod merges;
mod migrations;
mod operations;
mod operators;
mod orphans;
mod polling;
mod purges;
mod results;
mod sign_ins;
mod spending;
mod steps;
mod storage;
mod tracking;
mod uploads;

const NOW: UnixMs = UnixMs(1_700_000_000_000);
const LEASE_MS: i64 = 1_000;
const QUOTA: u64 = 1_000;

/// The clock of a database, which a test sets. It does not go by itself.
enum SetClock {
    Memory(Arc<AtomicI64>),
    /// The database at this URL shows the time of a table, from the first setting on.
    Sql {
        url: String,
        pool: OnceCell<AnyPool>,
    },
}

impl SetClock {
    async fn set(&self, at: UnixMs) {
        let (url, pool) = match self {
            Self::Memory(shown) => return shown.store(at.0, Ordering::SeqCst),
            Self::Sql { url, pool } => (url, pool),
        };
        let replaced = async {
            let pool = AnyPoolOptions::new().max_connections(1).connect(url).await.unwrap();
            let replace = "CREATE TABLE IF NOT EXISTS set_clock (now_ms BIGINT NOT NULL); DELETE FROM set_clock;
                           INSERT INTO set_clock VALUES (0); DROP VIEW clock; CREATE VIEW clock AS SELECT now_ms FROM set_clock";
            sqlx::raw_sql(replace).execute(&pool).await.unwrap();
            pool
        };
        let pool = pool.get_or_init(|| replaced).await;
        sqlx::query("UPDATE set_clock SET now_ms = $1").bind(at.0).execute(pool).await.unwrap();
    }
}

/// Shows what a test has set.
struct Shown(Arc<AtomicI64>);

impl Clock for Shown {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}

/// The stores of one adapter, initially empty.
struct Stores {
    accounts: Arc<dyn Accounts>,
    uploads: Arc<dyn Uploads>,
    jobs: Arc<dyn Jobs>,
    polling: Arc<dyn PollingJobs>,
    documents: Arc<dyn Documents>,
    figures: Arc<dyn Figures>,
    attempts: Arc<dyn PageAttempts>,
    time: Arc<dyn DatabaseTime>,
    operations: Arc<dyn Operations>,
    clock: SetClock,
    orphans: Arc<dyn OrphanedResources>,
    sign_ins: Arc<dyn SignIns>,
    storage: Arc<dyn Storage>,
    spending: Arc<dyn Spending>,
    /// Keeps the adapter's database or folder alive.
    _backing: Box<dyn Any>,
}

impl Stores {
    async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = SqlStore::embedded_url(&folder.path().join("records.db"));
        Self::sql(&url, folder).await.1
    }

    fn memory() -> Self {
        let shown = Arc::new(AtomicI64::new(NOW.0));
        Self::over(Memory::with_clock(Arc::new(Shown(shown.clone()))), SetClock::Memory(shown), ())
    }

    async fn postgres() -> Self {
        let postgres = Postgres::start();
        let url = postgres.database("records").await;
        Self::sql(&url, postgres).await.1
    }

    /// The store at this URL, also as its ports.
    async fn sql(url: &str, backing: impl Any) -> (SqlStore, Self) {
        let store = SqlStore::open(url).await.unwrap();
        let clock = SetClock::Sql { url: url.to_owned(), pool: OnceCell::new() };
        (store.clone(), Self::over(store, clock, backing))
    }

    fn over(
        store: impl Accounts
        + Uploads
        + Jobs
        + PollingJobs
        + Documents
        + Figures
        + PageAttempts
        + DatabaseTime
        + Operations
        + OrphanedResources
        + SignIns
        + Spending
        + Storage
        + 'static,
        clock: SetClock,
        backing: impl Any,
    ) -> Self {
        let store = Arc::new(store);
        Self {
            accounts: store.clone(),
            uploads: store.clone(),
            jobs: store.clone(),
            polling: store.clone(),
            documents: store.clone(),
            figures: store.clone(),
            attempts: store.clone(),
            time: store.clone(),
            operations: store.clone(),
            clock,
            orphans: store.clone(),
            sign_ins: store.clone(),
            spending: store.clone(),
            storage: store,
            _backing: Box::new(backing),
        }
    }

    /// A new account with a quota of [`QUOTA`].
    async fn account(&self, id: &str) -> Account {
        self.clock.set(NOW).await;
        let digest = format!("digest of {id}");
        let credential = Credential { digest: &digest, kind: CredentialKind::Token, expires_at: NOW.plus(1_000) };
        self.accounts.create_guest(id, credential, NOW).await.unwrap();
        Account { id: id.to_owned(), email: None, quota_tokens: Some(QUOTA) }
    }

    /// Submits a job with its file, which may have been uploaded before, when the database shows the job's due time.
    async fn accept(&self, account: &Account, job: &Job, reserve: u64) -> Acceptance {
        let (hash, content_hash) = (job.upload_hash.clone(), job.content_hash.clone());
        let upload = Upload { hash, content_hash, ..upload(account, "") };
        drop(self.uploads.insert_upload(&upload, &UNLIMITED, NOW).await);
        self.clock.set(job.due_at).await;
        self.jobs.accept(job, reserve, account, 0, &UNLIMITED).await.unwrap()
    }

    /// Claims the job that has been due longest when the database shows `now`.
    async fn claim(&self, now: UnixMs) -> Option<Job> {
        self.claim_many(Lane::Local, 1, now).await.pop()
    }

    async fn claim_many(&self, lane: Lane, max: usize, now: UnixMs) -> Vec<Job> {
        self.clock.set(now).await;
        self.jobs.claim("worker", lane, max, LEASE_MS).await.unwrap()
    }

    /// A claimed job with this name and 100 reserved tokens.
    async fn claimed(&self, account: &Account, name: &str) -> Job {
        assert_eq!(self.accept(account, &job(account, name), 100).await, Acceptance::Accepted);
        self.claim(NOW).await.unwrap()
    }

    /// The same job, claimed by another worker after its lease has expired.
    async fn taken_over(&self) -> Job {
        self.clock.set(NOW.plus(LEASE_MS)).await;
        self.jobs.claim("another", Lane::Local, 1, LEASE_MS).await.unwrap().pop().unwrap()
    }

    async fn complete(&self, claimed: &Job, results: Vec<PageResult>) -> Completion {
        let results = futures::stream::iter(results).map(Ok).boxed();
        self.jobs.complete(&at(claimed, Stage::Succeeded), results, NOW).await.unwrap()
    }

    async fn usage(&self, account: &Account) -> Usage {
        self.accounts.usage(account, 0).await.unwrap()
    }

    /// Used and reserved tokens.
    async fn used_and_reserved(&self, account: &Account) -> (u64, u64) {
        let usage = self.usage(account).await;
        (usage.used_tokens, usage.reserved_tokens)
    }
}

/// A job for three pages of its own document, due now.
fn job(account: &Account, name: &str) -> Job {
    Job {
        title: format!("Book {name}"),
        stage: Stage::Upload { attempt: 1 },
        ..Job::new(
            JobIds {
                id: format!("job {name}"),
                account_id: account.id.clone(),
                upload_hash: format!("upload {name}"),
                content_hash: format!("content {name}"),
                document_id: format!("document {name}"),
            },
            Mode::Batch,
            Recipe::named("model/1"),
            PageSet::all(3),
            NOW,
        )
    }
}

/// The job in another stage, as after the step that leads there.
fn at(job: &Job, stage: Stage) -> Job {
    Job { stage, claims: 0, ..job.clone() }
}

fn polling() -> Stage {
    Stage::Polling(RemoteBatch {
        attempt: 1,
        input_file: "files/in".into(),
        batch: "batches/b".into(),
        key: Some("0123456789ab".into()),
        running: true,
        cancel_failed: false,
        since: NOW,
        odd_since: None,
        denied_since: None,
        denials: 0,
    })
}

fn failed() -> Stage {
    Stage::Failed { error: JobError::new("failed_upstream", "Google could not process this batch.") }
}

/// A page that was read with this text. Its usage equals its charge.
fn read(index: u32, markdown: &str, charge: u64) -> PageResult {
    let usage = TokenUsage { input: charge, output: 1, thoughts: 1 };
    let (markdown, model) = (markdown.to_owned(), "model-001".to_owned());
    PageResult { index, outcome: PageOutcome::Read { markdown, note: None, usage, charge, model } }
}

fn failed_page(index: u32, reason: &str) -> PageResult {
    PageResult { index, outcome: PageOutcome::Failed { reason: reason.to_owned(), text: "Its own text.".to_owned() } }
}

fn upload(account: &Account, name: &str) -> Upload {
    Upload {
        hash: format!("upload {name}"),
        account_id: account.id.clone(),
        content_hash: format!("content {name}"),
        metadata: Metadata {
            content_type: "application/pdf".into(),
            total_pages: 3,
            title: format!("Book {name}"),
            file_name: None,
            file_size: 12_345,
            url: None,
        },
        kept_bytes: 12_345,
        page_tokens: vec![100, 200, 300],
    }
}
