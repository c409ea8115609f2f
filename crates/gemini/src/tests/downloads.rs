//! Downloads, which leave a complete file or none.

use serde_json::json;

use super::server::{Reply, Server};
use crate::ErrorKind;

const DOCUMENTED: &str = "GET /download/v1beta/files/batch-ID:download?alt=media";

#[tokio::test]
async fn download_writes_the_complete_file() {
    let server = Server::start([Reply::ok("one\ntwo\n")]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    assert_eq!(server.client().download("files/batch-ID", &path).await.unwrap(), 8);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "one\ntwo\n");
    assert_eq!(server.lines(), [DOCUMENTED]);
}

#[tokio::test]
async fn download_cut_off_is_restarted() {
    let server = Server::start([Reply::BreakOff("on"), Reply::BreakOff("one\nt"), Reply::ok("one\ntwo\n")]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    assert_eq!(server.client().download("files/batch-ID", &path).await.unwrap(), 8);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "one\ntwo\n");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn download_cut_off_every_time_fails_and_leaves_no_file() {
    let server = Server::start(vec![Reply::BreakOff("on"); 20]).await;
    let folder = tempfile::tempdir().unwrap();
    let error = server.client().download("files/batch-ID", &folder.path().join("out.jsonl")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry { after: None });
    assert_eq!(server.requests().len(), 6);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn download_not_found_is_retried_at_the_address_of_the_libraries() {
    let server = Server::start([Reply::html(404), Reply::ok("x")]).await;
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(server.client().download("files/batch-ID", &folder.path().join("out")).await.unwrap(), 1);
    assert_eq!(server.lines(), [DOCUMENTED, "GET /v1beta/files/batch-ID:download?alt=media"]);
}

#[tokio::test]
async fn download_of_a_missing_file_is_not_found() {
    let gone = json!({"error": {"code": 403, "status": "PERMISSION_DENIED",
        "message": "You do not have permission to access the File batch-ID or it may not exist."}});
    let server = Server::start([Reply::json(403, gone)]).await;
    let folder = tempfile::tempdir().unwrap();
    let error = server.client().download("files/batch-ID", &folder.path().join("out")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn download_into_a_missing_folder_is_an_io_error() {
    let server = Server::start([Reply::ok("x")]).await;
    let folder = tempfile::tempdir().unwrap();
    let error = server.client().download("files/batch-ID", &folder.path().join("no/such/out")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Io);
}
