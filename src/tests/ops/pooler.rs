//! Databases as operators run them: behind a pooler, and migrated by a command of its own.

use coldbrew::serve::Server;
use coldbrew::store::sql::DatabaseSettings;
use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::harness::{TestServer, config, variables};
use crate::support::processes::check_books;
use crate::support::services::{Pooler, Postgres};

/// Runs `coldbrew migrate`.
async fn migrate(data: &TempDir, settings: &[(&str, &str)]) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_coldbrew"));
    let output = command.arg("migrate").envs(variables(data.path(), settings)).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The error of a server that does not start.
async fn refusal(data: &TempDir, settings: &[(&str, &str)]) -> String {
    let opened = Server::open(&config(data.path(), settings)).await;
    opened.err().map(|error| format!("{error:?}")).unwrap_or_default()
}

#[tokio::test]
async fn server_that_does_not_migrate_starts_after_the_command() {
    let (data, postgres) = (TempDir::new().unwrap(), Postgres::start());
    let url = postgres.database("records").await;
    for database in [None, Some(("DATABASE_URL", url.as_str()))] {
        let settings: Vec<_> = database.into_iter().chain([("COLDBREW_MIGRATE_AT_START", "false")]).collect();
        assert!(refusal(&data, &settings).await.contains("run `coldbrew migrate`"));
        migrate(&data, &settings).await;
        migrate(&data, &settings).await;
        let server = TestServer::start(&data, &settings).await;
        server.guest().await.get("/v1/users/me").await;
        server.stop().await;
    }
}

#[tokio::test]
async fn jobs_behind_a_pooler_in_transaction_mode_reach_their_end() {
    let (data, postgres) = (TempDir::new().unwrap(), Postgres::start());
    let (direct, pooler) = (postgres.database("records").await, Pooler::start(&postgres));
    let url = pooler.url("records");
    let settings = [("DATABASE_URL", url.as_str()), ("COLDBREW_DATABASE_POOLER", "transaction")];
    assert!(refusal(&data, &settings).await.contains("run `coldbrew migrate`"), "no migration runs through a pooler");
    migrate(&data, &[("DATABASE_URL", &direct)]).await;
    let server = TestServer::start(&data, &settings).await;
    // More than the connections of the pooler.
    let jobs = (1..=6).map(|pages| {
        let server = &server;
        async move {
            let guest = server.guest().await;
            let prepared = guest.upload_pages(pages).await;
            let answer = guest.submit(&prepared, true, pages % 2 == 0).await;
            assert_eq!(answer.status(), StatusCode::ACCEPTED);
            let ticket: Value = answer.json().await.unwrap();
            let ended = guest.batch_end(ticket["content_hash"].as_str().unwrap()).await;
            assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
            check_books(&guest, 1).await;
        }
    });
    join_all(jobs).await;
    server.stop().await;
}

#[test]
fn twenty_processes_fit_into_the_connections_of_postgresql() {
    let defaults = DatabaseSettings::default();
    assert!(20 * defaults.connections_max <= 97, "of 100, three are reserved for the operator");
}
