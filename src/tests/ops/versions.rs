//! Programs and data of different versions: a newer program migrates the data; an older program either runs on newer data or refuses it
//! with a clear error.

use std::path::Path;

use coldbrew::serve::Server;
use coldbrew::store::sql::SqlStore;
use reqwest::StatusCode;
use serde_json::Value;
use sqlx::AnyPool;
use sqlx::migrate::Migrator;
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestServer, config};

/// A connection to the database of a data folder.
async fn records(data: &TempDir) -> AnyPool {
    SqlStore::install_drivers();
    AnyPool::connect(&SqlStore::embedded_url(&data.path().join("coldbrew.db"))).await.unwrap()
}

async fn change(data: &TempDir, statements: &'static str) {
    let pool = records(data).await;
    sqlx::raw_sql(statements).execute(&pool).await.unwrap();
    pool.close().await;
}

/// An account, a document, and a batch at Google, in the tables of the first version.
const FIRST_VERSION: &str = r#"
    INSERT INTO accounts (id, created_at) VALUES ('a', 1);
    INSERT INTO credentials (digest, account_id, kind, created_at, expires_at)
        VALUES ('2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b', 'a', 'token', 1, 99999999999999);
    INSERT INTO documents (id, account_id, upload_hash, content_hash, title, mode, charged, created_at)
        VALUES ('d', 'a', 'u', 'c', 'An old book', 'text', 0, 1);
    INSERT INTO pages (document_id, page_index, markdown) VALUES ('d', 0, 'As it was.');
    INSERT INTO jobs (id, account_id, upload_hash, content_hash, mode, title, recipe, total_pages, pages, pages_submitted, document_id, active,
                      stage, requeued, submitted_at, updated_at, due_at, claims, fence, lease_until)
        VALUES ('j', 'a', 'u2', 'c2', 'batch', 'A batch', 'gemini-x', 1, '1', 1, 'd2', 1,
                '{"at":"watch","attempt":1,"input_file":"files/f","batch":"batches/b","running":false,"withdrawn":false,"since":1}', 0, 1, 1, 1, 0, 0, 0);
"#;

#[tokio::test]
async fn data_of_the_first_version_is_migrated() {
    let (data, first) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sql/migrations");
    std::fs::copy(migrations.join("0001_start.sql"), first.path().join("0001_start.sql")).unwrap();
    std::fs::File::create(data.path().join("coldbrew.db")).unwrap();
    let pool = records(&data).await;
    Migrator::new(first.path()).await.unwrap().run(&pool).await.unwrap();
    pool.close().await;
    change(&data, FIRST_VERSION).await;

    // This server runs no jobs, so it does not ask Google for the batch.
    let config = config(data.path(), &[]);
    let server = Server::open_without_worker(&config).await.unwrap();
    let url = format!("http://{}", server.addr().unwrap());
    tokio::spawn(server.run(Default::default()));
    let owner = TestClient::new(&url, "secret");
    let document = owner.get("/v1/documents/d").await;
    assert_eq!(
        (&document["title"], &document["content"][0]["markdown"]),
        (&"An old book".into(), &"As it was.".into())
    );
    assert_eq!(owner.get("/v1/documents/batch/c2/status").await["status"], "PENDING");
    let lane: String =
        sqlx::query_scalar("SELECT lane FROM jobs WHERE id = 'j'").fetch_one(&records(&data).await).await.unwrap();
    assert_eq!(lane, "watch", "the batch waits at Google, so it belongs to the remote lane");
}

#[tokio::test]
async fn older_program_runs_on_a_database_with_unknown_additions() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_DEMO_PENDING_MS", "600000")]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(2).await;
    let document: Value = guest.submit(&prepared, false, false).await.json().await.unwrap();
    assert_eq!(guest.submit(&prepared, true, true).await.status(), StatusCode::ACCEPTED);
    server.stop().await;
    change(
        &data,
        "CREATE TABLE moods (account_id TEXT PRIMARY KEY, mood TEXT NOT NULL);
         ALTER TABLE jobs ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm';
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'moods', TRUE, x'00', 1);
         INSERT INTO accounts (id, created_at) VALUES ('other', 1);
         INSERT INTO jobs (id, account_id, upload_hash, content_hash, mode, title, recipe, total_pages, pages, pages_submitted, document_id,
                           active, stage, requeued, submitted_at, updated_at, due_at, claims, fence, lease_until, lane)
             VALUES ('j', 'other', 'u', 'c', 'batch', 'A batch', 'gemini-x', 1, '1', 1, 'd', 1, '{\"at\":\"steep\"}', 0, 1, 1, 1, 0, 0, 0, 'watch');",
    )
    .await;

    let server = TestServer::start(&data, &[]).await;
    let guest = guest.at(&server.base_url);
    guest.get(&format!("/v1/documents/{}", document["id"].as_str().unwrap())).await;
    assert_eq!(guest.batch_end(prepared["content_hash"].as_str().unwrap()).await["status"], "SUCCEEDED");
    let left = "SELECT claims FROM jobs WHERE id = 'j' AND fence > 0";
    let claims: i64 = sqlx::query_scalar(left).fetch_one(&records(&data).await).await.unwrap();
    assert_eq!(claims, 0, "a claim of a job that the program cannot read does not count");
}

#[tokio::test]
async fn older_program_refuses_a_database_of_a_newer_format() {
    let data = TempDir::new().unwrap();
    TestServer::start(&data, &[]).await.stop().await;
    change(&data, "UPDATE format SET needed = 1000000").await;
    let refused = Server::open(&config(data.path(), &[])).await.err().expect("the server does not start");
    assert!(refused.to_string().contains("start the newer one"), "{refused}");
}
