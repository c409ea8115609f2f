//! Data of the previous version: its jobs get the status of their stage.

use std::ffi::OsStr;
use std::path::Path;

use coldbrew::store::sql::MIGRATIONS;
use sqlx::migrate::Migrator;
use sqlx::{AnyPool, AssertSqlSafe, Connection, PgConnection};

use coldbrew::documents::JobViews;

use super::*;

/// The last migration of the previous version.
const BEFORE: &str = "0093_sign_ins.sql";

/// Stages as the previous version stores them, with the expected status.
fn stages() -> Vec<(Stage, &'static str)> {
    let Stage::Polling(pending) = polling() else { unreachable!("polling() returns a polling stage") };
    let pending = RemoteBatch { running: false, batch: "batches/\"running\":true".into(), ..pending };
    let error = JobError::new("expired_upstream", "{\"at\":\"succeeded\"");
    let (batch, input_file, output_file) = ("batches/b".to_owned(), "files/in".to_owned(), "files/out".to_owned());
    vec![
        (Stage::Prepare { attempt: 1 }, "preparing"),
        (Stage::Upload { attempt: 1 }, "preparing"),
        (Stage::Submit { attempt: 1, input_file: input_file.clone(), uploaded_at: None }, "preparing"),
        (Stage::Creating { attempt: 1, input_file: input_file.clone(), uploaded_at: None, key: None }, "preparing"),
        (
            Stage::Reconciling {
                attempt: 1,
                input_file: input_file.clone(),
                uploaded_at: None,
                key: None,
                empty_listings: 0,
            },
            "preparing",
        ),
        (polling(), "running"),
        (Stage::Polling(pending.clone()), "pending"),
        (Stage::Cancelling(RemoteBatch { running: true, ..pending }), "pending"),
        (Stage::Downloading { attempt: 1, batch, input_file, output_file, tries: 0 }, "running"),
        (Stage::Realtime { tries: 0 }, "running"),
        (Stage::Succeeded, "succeeded"),
        (failed(), "failed"),
        (Stage::Expired { error }, "expired"),
    ]
}

/// Applies the migrations of the previous version to an empty database.
async fn migrate_to_previous_version(pool: &AnyPool) {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sql/migrations");
    let folder = TempDir::new().unwrap();
    for file in std::fs::read_dir(migrations).unwrap().map(|file| file.unwrap()) {
        if file.file_name().as_os_str() <= OsStr::new(BEFORE) {
            std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
    }
    Migrator::new(folder.path()).await.unwrap().run(pool).await.unwrap();
}

/// Stores a job of the account `a` as the previous version does.
async fn insert(pool: &AnyPool, id: &str, stage: &Stage) {
    sqlx::query(
        "INSERT INTO jobs (id, account_id, upload_hash, content_hash, mode, title, recipe, total_pages, pages, pages_submitted,
                           document_id, active, stage, requeued, submitted_at, updated_at, due_at, claims, fence, lease_until)
         VALUES ($1, 'a', 'u', $1, 'batch', 'Book', 'm', 1, '1', 1, $1, $2, $3, 0, 1, 1, 1, 0, 0, 0)",
    )
    .bind(id)
    .bind(i64::from(stage.status().is_active()))
    .bind(serde_json::to_string(stage).unwrap())
    .execute(pool)
    .await
    .unwrap();
}

async fn statuses(pool: &AnyPool) -> Vec<String> {
    sqlx::query_scalar("SELECT status FROM jobs ORDER BY id").fetch_all(pool).await.unwrap()
}

async fn data_of_the_previous_version_gets_its_statuses(url: &str) {
    SqlStore::install_drivers();
    let pool = AnyPool::connect(url).await.unwrap();
    migrate_to_previous_version(&pool).await;
    sqlx::query("INSERT INTO accounts (id, created_at) VALUES ('a', 1)").execute(&pool).await.unwrap();
    let stages = stages();
    for (number, (stage, _)) in stages.iter().enumerate() {
        insert(&pool, &format!("{number:02}"), stage).await;
    }

    let store = SqlStore::open(url).await.unwrap();
    assert_eq!(statuses(&pool).await, stages.iter().map(|(_, status)| *status).collect::<Vec<_>>());
    let open = store.open_jobs("a").await.unwrap();
    let expected = stages.iter().rev().filter(|(stage, _)| *stage != Stage::Succeeded);
    assert_eq!(
        open.iter().map(|job| job.status).collect::<Vec<_>>(),
        expected.map(|(stage, _)| stage.status()).collect::<Vec<_>>()
    );
    let claimed = store.claim("worker", Lane::Local, 99, LEASE_MS).await.unwrap();
    assert_eq!(claimed.len(), 10, "all active jobs; the previous version has one lane");

    // A server of the previous version runs beside this one. It adds a job and ends others, and does not write `status`.
    insert(&pool, "20", &Stage::Realtime { tries: 0 }).await;
    let end = "UPDATE jobs SET active = 0, stage = '{\"at\":\"succeeded\"}', version = version + 1 WHERE id = '00'";
    sqlx::query(end).execute(&pool).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("UPDATE jobs SET stage = '{}' WHERE id = '01'", "{\"at\":\"steep\"}")))
        .execute(&pool)
        .await
        .unwrap();
    SqlStore::open(url).await.unwrap();
    let after = statuses(&pool).await;
    assert_eq!((after[0].as_str(), after[13].as_str()), ("succeeded", "running"));
    assert_eq!(after[1], "preparing", "a job with an unreadable stage keeps its status");
    pool.close().await;
}

#[tokio::test]
async fn sqlite_data_of_the_previous_version_gets_its_statuses() {
    let folder = TempDir::new().unwrap();
    data_of_the_previous_version_gets_its_statuses(&SqlStore::embedded_url(&folder.path().join("records.db"))).await;
}

#[tokio::test]
async fn postgres_data_of_the_previous_version_gets_its_statuses() {
    let postgres = Postgres::start();
    data_of_the_previous_version_gets_its_statuses(&postgres.database("records").await).await;
}

/// A migration of a later version.
const INDEX: (&str, &str) = (
    "9001_index",
    "-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS accounts_by_time ON accounts (created_at)",
);

async fn insert_account(pool: &AnyPool, id: &str, created_at: i64) -> sqlx::Result<()> {
    let insert = sqlx::query("INSERT INTO accounts (id, created_at) VALUES ($1, $2)").bind(id).bind(created_at);
    insert.execute(pool).await.map(drop)
}

async fn valid_indexes(pool: &AnyPool) -> i64 {
    let select = "SELECT COUNT(*) FROM pg_index WHERE indexrelid = to_regclass('accounts_by_time') AND indisvalid";
    sqlx::query_scalar(select).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn index_made_concurrently_blocks_no_writer_and_is_made_once() {
    let postgres = Postgres::start();
    let url = postgres.database("records").await;
    SqlStore::migrate(&url, MIGRATIONS).await.unwrap();
    let pool = AnyPool::connect(&url).await.unwrap();
    // The index waits for this transaction.
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let mut older = connection.begin().await.unwrap();
    sqlx::query("INSERT INTO accounts (id, created_at) VALUES ('a', 1)").execute(&mut *older).await.unwrap();
    let migrations = [MIGRATIONS, &[INDEX]].concat();
    let migrating = || SqlStore::migrate(&url, &migrations);
    let writing = async {
        let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE '%INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'";
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&pool).await.unwrap() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let insert = insert_account(&pool, "b", 2);
        tokio::time::timeout(std::time::Duration::from_secs(5), insert).await.expect("no writer waits").unwrap();
        older.commit().await.unwrap();
    };
    let within = async { tokio::join!(migrating(), migrating(), migrating(), writing) };
    let (one, two, three, ()) = tokio::time::timeout(std::time::Duration::from_secs(60), within).await.unwrap();
    assert!(one.is_ok() && two.is_ok() && three.is_ok(), "{one:?} {two:?} {three:?}");
    assert_eq!(valid_indexes(&pool).await, 1);
}

#[tokio::test]
async fn index_that_failed_is_made_again() {
    let postgres = Postgres::start();
    let url = postgres.database("records").await;
    SqlStore::migrate(&url, MIGRATIONS).await.unwrap();
    let pool = AnyPool::connect(&url).await.unwrap();
    insert_account(&pool, "a", 1).await.unwrap();
    insert_account(&pool, "b", 1).await.unwrap();
    let migrations = [MIGRATIONS, &[INDEX]].concat();
    assert!(SqlStore::migrate(&url, &migrations).await.is_err(), "the index is not unique");
    assert_eq!(valid_indexes(&pool).await, 0);
    sqlx::query("DELETE FROM accounts WHERE id = 'b'").execute(&pool).await.unwrap();
    SqlStore::migrate(&url, &migrations).await.unwrap();
    assert_eq!(valid_indexes(&pool).await, 1);
}

#[tokio::test]
async fn index_made_concurrently_is_made_in_sqlite() {
    let folder = TempDir::new().unwrap();
    let url = SqlStore::embedded_url(&folder.path().join("records.db"));
    SqlStore::migrate(&url, &[MIGRATIONS, &[INDEX]].concat()).await.unwrap();
    let pool = AnyPool::connect(&url).await.unwrap();
    insert_account(&pool, "a", 1).await.unwrap();
    assert!(insert_account(&pool, "b", 1).await.is_err());
}
