//! Backups of a running server, restored and served.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use coldbrew::serve::{Config, Restored, backup, restore};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestServer, variables, wait_for_files};

fn config_of(folder: &Path) -> Config {
    let variables = variables(folder, &[]);
    Config::read("", move |name| variables.get(name).cloned()).unwrap()
}

/// A guest's document on a server, and a backup of that server, which is stopped.
struct Saved {
    data: TempDir,
    copies: TempDir,
    token: String,
    prepared: Value,
    document: Value,
}

impl Saved {
    async fn new() -> Self {
        let (data, copies) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let server = TestServer::start(&data, &[]).await;
        let guest = server.guest().await;
        let prepared = guest.upload_pages(2).await;
        let document = guest.submit(&prepared, false, false).await.json().await.unwrap();
        let saved = Self { token: guest.token.clone(), data, copies, prepared, document };
        backup(&config_of(saved.data.path()), &saved.copy()).await.unwrap();
        server.stop().await;
        saved
    }

    fn copy(&self) -> PathBuf {
        self.copies.path().join("monday")
    }

    async fn status_at(&self, server: &TestServer) -> StatusCode {
        let path = format!("/v1/documents/{}", self.document["id"].as_str().unwrap());
        TestClient::new(&server.base_url, &self.token).send(Method::GET, &path, None).await.status()
    }
}

#[tokio::test]
async fn backup_restored_without_access_ends_every_token() {
    let saved = Saved::new().await;
    let elsewhere = TempDir::new().unwrap();
    let restored = restore(&config_of(elsewhere.path()), &saved.copy(), false).await.unwrap();
    assert_eq!(restored, Restored { locked_out: Some(1), deleted: 0 });
    let server = TestServer::start(&elsewhere, &[]).await;
    assert_eq!(saved.status_at(&server).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn backup_restored_with_access_serves_documents_and_files() {
    let saved = Saved::new().await;
    let elsewhere = TempDir::new().unwrap();
    assert!(backup(&config_of(saved.data.path()), &saved.copy()).await.is_err(), "a backup is never overwritten");
    assert!(
        restore(&config_of(saved.data.path()), &saved.copy(), true).await.is_err(),
        "a data folder is never overwritten"
    );
    let restored = restore(&config_of(elsewhere.path()), &saved.copy(), true).await.unwrap();
    assert_eq!(restored, Restored { locked_out: None, deleted: 0 });
    let server = TestServer::start(&elsewhere, &[]).await;
    assert_eq!(saved.status_at(&server).await, StatusCode::OK);
    let guest = TestClient::new(&server.base_url, &saved.token);
    assert_eq!(guest.submit(&saved.prepared, false, false).await.status(), StatusCode::CREATED, "the file can be read");
}

#[tokio::test]
async fn backup_under_load_restores_every_document_that_it_lists() {
    let (data, copies, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let load = async {
        for _ in 0..12 {
            let prepared = guest.upload_pages(2).await;
            assert!(guest.submit(&prepared, false, false).await.status().is_success());
        }
    };
    let config = config_of(data.path());
    let copy = copies.path().join("monday");
    let (saved, ()) = tokio::join!(backup(&config, &copy), load);
    saved.unwrap();
    server.stop().await;
    restore(&config_of(elsewhere.path()), &copy, true).await.unwrap();
    let server = TestServer::start(&elsewhere, &[]).await;
    let guest = TestClient::new(&server.base_url, &guest.token);
    for document in guest.get("/v1/documents").await["documents"].as_array().unwrap() {
        let path = format!("/v1/documents/{}", document["id"].as_str().unwrap());
        assert_eq!(guest.get(&path).await["content"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn account_deleted_after_the_backup_stays_deleted() {
    let saved = Saved::new().await;
    let server = TestServer::start(&saved.data, &[]).await;
    let guest = TestClient::new(&server.base_url, &saved.token);
    assert_eq!(guest.send(Method::DELETE, "/v1/users/me", None).await.status(), StatusCode::NO_CONTENT);
    server.stop().await;
    // What an operator keeps of a data folder whose database is lost.
    let elsewhere = TempDir::new().unwrap();
    std::fs::copy(saved.data.path().join("deleted-accounts"), elsewhere.path().join("deleted-accounts")).unwrap();
    let restored = restore(&config_of(elsewhere.path()), &saved.copy(), true).await.unwrap();
    assert_eq!(restored.deleted, 1);
    let server = TestServer::start(&elsewhere, &[]).await;
    assert_eq!(saved.status_at(&server).await, StatusCode::UNAUTHORIZED);
    wait_for_files(&elsewhere.path().join("blobs/uploads"), 0).await;
}

#[tokio::test]
async fn backup_with_a_damaged_file_is_not_restored() {
    let saved = Saved::new().await;
    let database = saved.copy().join("coldbrew.db");
    let mut bytes = std::fs::read(&database).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&database, bytes).unwrap();
    let elsewhere = TempDir::new().unwrap();
    let error = restore(&config_of(elsewhere.path()), &saved.copy(), true).await.unwrap_err();
    assert!(error.to_string().contains("coldbrew.db"), "{error}");
    assert!(!elsewhere.path().join("coldbrew.db").exists());
}

#[tokio::test]
async fn backup_is_readable_by_its_user_only() {
    let saved = Saved::new().await;
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(saved.copy()), 0o700);
    assert_eq!(mode(saved.copy().join("coldbrew.db")), 0o600);
    assert_eq!(mode(saved.copy().join("manifest.json")), 0o600);
    assert_eq!(mode(saved.copy().join("blobs")), 0o700);
}
