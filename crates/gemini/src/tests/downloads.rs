//! Results reach the disk whole or not at all.

use serde_json::json;

use super::server::{Reply, Server};
use crate::ErrorKind;

const WHERE: &str = "GET /download/v1beta/files/batch-ID:download?alt=media";

#[tokio::test]
async fn a_file_is_written_whole() {
    let server = Server::start([Reply::ok("one\ntwo\n")]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    assert_eq!(server.client().download("files/batch-ID", &path).await.unwrap(), 8);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "one\ntwo\n");
    assert_eq!(server.lines(), [WHERE]);
}

#[tokio::test]
async fn a_download_that_breaks_off_begins_anew() {
    let server = Server::start([Reply::BreakOff("on"), Reply::BreakOff("one\nt"), Reply::ok("one\ntwo\n")]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    assert_eq!(server.client().download("files/batch-ID", &path).await.unwrap(), 8);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "one\ntwo\n");
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_download_that_keeps_breaking_off_leaves_nothing_behind() {
    let server = Server::start(vec![Reply::BreakOff("on"); 20]).await;
    let folder = tempfile::tempdir().unwrap();
    let error = server.client().download("files/batch-ID", &folder.path().join("out.jsonl")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry { after: None });
    assert_eq!(server.asked().len(), 6);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_server_that_knows_only_the_libraries_address_is_served() {
    let server = Server::start([Reply::html(404), Reply::ok("x")]).await;
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(server.client().download("files/batch-ID", &folder.path().join("out")).await.unwrap(), 1);
    assert_eq!(server.lines(), [WHERE, "GET /v1beta/files/batch-ID:download?alt=media"]);
}

#[tokio::test]
async fn a_refused_download_says_why() {
    let gone = json!({"error": {"code": 403, "status": "PERMISSION_DENIED",
        "message": "You do not have permission to access the File batch-ID or it may not exist."}});
    let server = Server::start([Reply::json(403, gone)]).await;
    let folder = tempfile::tempdir().unwrap();
    let error = server.client().download("files/batch-ID", &folder.path().join("out")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_a_local_fault() {
    let server = Server::start([Reply::ok("x")]).await;
    let folder = tempfile::tempdir().unwrap();
    let error = server.client().download("files/batch-ID", &folder.path().join("no/such/out")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Io);
}
