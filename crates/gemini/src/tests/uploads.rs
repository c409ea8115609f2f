//! Uploads over faulty connections, which end with one active file or an error.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::server::{RecordedRequest, Reply, Server};
use crate::{ErrorKind, FILE_BYTES_MAX, FileState, Quota, UploadSpec};

const CHUNK: usize = 8 << 20;

struct Source {
    _folder: TempDir,
    path: PathBuf,
}

/// A file whose bytes depend on their position.
fn source(bytes: usize) -> Source {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.jsonl");
    let content: Vec<u8> = (0..bytes).map(|index| (index / 4_096) as u8).collect();
    std::fs::write(&path, content).unwrap();
    Source { _folder: folder, path }
}

fn spec() -> UploadSpec {
    UploadSpec { display_name: "job-1".into(), mime_type: "application/jsonl".into(), name: None }
}

fn file(size: usize, state: &str) -> Value {
    json!({"name": "files/abc", "displayName": "job-1", "sizeBytes": size.to_string(), "state": state})
}

fn done(size: usize) -> Reply {
    Reply::upload("final", None, json!({"file": file(size, "ACTIVE")}))
}

fn active() -> Reply {
    Reply::upload("active", None, "")
}

fn received(bytes: usize) -> Reply {
    Reply::upload("active", Some(bytes as u64), "")
}

/// Command, offset and length of the requests to the session.
fn steps(server: &Server) -> Vec<(String, Option<usize>, usize)> {
    let of_session = |sent: &&RecordedRequest| sent.path.starts_with("/session");
    let step = |sent: &RecordedRequest| {
        let offset = sent.header("x-goog-upload-offset").map(|offset| offset.parse().unwrap());
        (sent.header("x-goog-upload-command").unwrap().to_owned(), offset, sent.body.len())
    };
    server.requests().iter().filter(of_session).map(step).collect()
}

fn step(command: &str, offset: usize, length: usize) -> (String, Option<usize>, usize) {
    (command.into(), Some(offset), length)
}

fn query() -> (String, Option<usize>, usize) {
    ("query".into(), None, 0)
}

#[tokio::test]
async fn upload_of_a_large_file_sends_chunks_without_the_key() {
    let size = 2 * CHUNK + 5;
    let server = Server::start([Reply::session(), active(), active(), done(size)]).await;
    let uploaded = server.client().upload_file(&source(size).path, &spec()).await.unwrap();
    assert_eq!(
        (uploaded.name.as_str(), uploaded.size_bytes, uploaded.state),
        ("files/abc", size as u64, FileState::Active)
    );
    let expected = [step("upload", 0, CHUNK), step("upload", CHUNK, CHUNK), step("upload, finalize", 2 * CHUNK, 5)];
    assert_eq!(steps(&server), expected);
    let sent = server.requests();
    assert_eq!(sent[0].path, "/upload/v1beta/files");
    assert_eq!(sent[0].header("x-goog-upload-command"), Some("start"));
    assert_eq!(sent[0].header("x-goog-upload-header-content-length"), Some(size.to_string().as_str()));
    assert_eq!(
        sent[0].json(),
        json!({"file": {"displayName": "job-1", "mimeType": "application/jsonl", "sizeBytes": size.to_string()}})
    );
    assert!(sent[1..].iter().all(|sent| sent.header("x-goog-api-key").is_none()));
}

#[tokio::test]
async fn upload_that_ends_with_a_full_chunk_is_finalized_with_it() {
    for (size, expected) in [
        (0, vec![step("upload, finalize", 0, 0)]),
        (CHUNK, vec![step("upload, finalize", 0, CHUNK)]),
        (2 * CHUNK, vec![step("upload", 0, CHUNK), step("upload, finalize", CHUNK, CHUNK)]),
    ] {
        let chunks = (1..expected.len()).map(|_| active());
        let server = Server::start([Reply::session()].into_iter().chain(chunks).chain([done(size)])).await;
        server.client().upload_file(&source(size).path, &spec()).await.unwrap();
        assert_eq!(steps(&server), expected);
    }
}

/// Each row has the replies to the first chunk of 8 MiB + 5 and to all that follow, and the expected requests.
#[tokio::test]
async fn upload_after_a_fault_resumes_at_the_received_size() {
    let size = CHUNK + 5;
    let last = || step("upload, finalize", CHUNK, 5);
    let first = || step("upload", 0, CHUNK);
    let silent = || Reply::Answer(200, Vec::new(), String::new());
    for (what, replies, expected) in [
        (
            "half a chunk arrived",
            vec![Reply::HangUp, received(4 << 20), done(size)],
            vec![first(), query(), step("upload, finalize", 4 << 20, size - (4 << 20))],
        ),
        ("the chunk arrived", vec![Reply::HangUp, received(CHUNK), done(size)], vec![first(), query(), last()]),
        (
            "nothing arrived",
            vec![Reply::html(502), received(0), active(), done(size)],
            vec![first(), query(), first(), last()],
        ),
        ("the status is missing", vec![silent(), received(CHUNK), done(size)], vec![first(), query(), last()]),
        (
            "the query fails too",
            vec![Reply::HangUp, Reply::HangUp, active(), done(size)],
            vec![first(), query(), first(), last()],
        ),
        (
            "finalize is answered with active",
            vec![active(), active(), received(size), done(size)],
            vec![first(), last(), query(), step("upload, finalize", size, 0)],
        ),
        (
            "the status is missing but the file is there",
            vec![active(), Reply::ok(json!({"file": file(size, "ACTIVE")}))],
            vec![first(), last()],
        ),
        (
            "the reply to the query has the file",
            vec![active(), Reply::HangUp, done(size)],
            vec![first(), last(), query()],
        ),
    ] {
        let server = Server::start([Reply::session()].into_iter().chain(replies)).await;
        let uploaded = server.client().upload_file(&source(size).path, &spec()).await;
        assert!(uploaded.is_ok(), "{what}: {uploaded:?}");
        assert_eq!(steps(&server), expected, "{what}");
    }
}

#[tokio::test]
async fn upload_after_a_fault_sends_the_right_bytes() {
    let size = 2 * CHUNK + 100;
    let server =
        Server::start([Reply::session(), Reply::HangUp, received(1_000), active(), active(), done(size)]).await;
    let source = source(size);
    server.client().upload_file(&source.path, &spec()).await.unwrap();
    let content = std::fs::read(&source.path).unwrap();
    for sent in server.requests().iter().filter(|sent| !sent.body.is_empty() && sent.path.starts_with("/session")) {
        let offset: usize = sent.header("x-goog-upload-offset").unwrap().parse().unwrap();
        assert!(sent.body == content[offset..offset + sent.body.len()], "the bytes at {offset}");
    }
}

#[tokio::test]
async fn upload_session_lost_is_replaced_by_a_new_one() {
    let gone = || Reply::json(404, json!({"error": {"code": 404, "status": "NOT_FOUND", "message": "gone"}}));
    let cancelled = || Reply::upload("cancelled", None, "");
    for answer in [gone(), cancelled(), received(99)] {
        let server = Server::start([Reply::session(), Reply::HangUp, answer, Reply::session(), done(5)]).await;
        server.client().upload_file(&source(5).path, &spec()).await.unwrap();
        assert_eq!(steps(&server), [step("upload, finalize", 0, 5), query(), step("upload, finalize", 0, 5)]);
    }
}

#[tokio::test]
async fn upload_without_a_finalize_reply_is_found_by_name_size_and_hash() {
    let content = "same bytes";
    let hash = |text: &str| {
        use base64::Engine;
        use sha2::Digest;
        let hex: String = sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        base64::engine::general_purpose::STANDARD.encode(hex)
    };
    let listed = |name: &str, display_name: &str, text: &str| json!({"name": name, "displayName": display_name, "sizeBytes": "10", "sha256Hash": hash(text), "state": "ACTIVE"});
    let first = json!({"files": [listed("files/a", "other", content), listed("files/b", "job-1", "other text")], "nextPageToken": "2"});
    let second = json!({"files": [listed("files/c", "job-1", content)]});
    let lost = Reply::upload("final", None, "");
    let server = Server::start([Reply::session(), Reply::HangUp, lost, Reply::ok(first), Reply::ok(second)]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in");
    std::fs::write(&path, content).unwrap();
    assert_eq!(server.client().upload_file(&path, &spec()).await.unwrap().name, "files/c");
}

#[tokio::test]
async fn upload_finalized_without_a_file_is_repeated_as_plain_text() {
    let nameless = Reply::upload("final", None, "{}");
    let server = Server::start([Reply::session(), nameless, Reply::ok("{}"), Reply::session(), done(5)]).await;
    server.client().upload_file(&source(5).path, &spec()).await.unwrap();
    assert_eq!(server.requests()[3].json()["file"]["mimeType"], "text/plain");
}

#[tokio::test]
async fn upload_to_a_taken_name_returns_the_file_if_its_content_is_equal() {
    let taken = || Reply::json(409, json!({"error": {"code": 409, "status": "ALREADY_EXISTS", "message": "exists"}}));
    let named = UploadSpec { name: Some("files/job-1-a".into()), ..spec() };
    let server = Server::start([taken(), Reply::ok(file(5, "ACTIVE"))]).await;
    assert_eq!(server.client().upload_file(&source(5).path, &named).await.unwrap().name, "files/abc");
    let server = Server::start([taken(), Reply::ok(file(6, "ACTIVE"))]).await;
    let error = server.client().upload_file(&source(5).path, &named).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
}

#[tokio::test]
async fn upload_waits_until_the_file_is_active() {
    let processing = Reply::upload("final", None, json!({"file": file(5, "PROCESSING")}));
    let looks = [Reply::ok(file(5, "PROCESSING")), Reply::html(502), Reply::ok(file(5, "ACTIVE"))];
    let server = Server::start([Reply::session(), processing.clone()].into_iter().chain(looks)).await;
    assert_eq!(server.client().upload_file(&source(5).path, &spec()).await.unwrap().state, FileState::Active);
    let server = Server::start([Reply::session(), processing, Reply::ok(file(5, "FAILED"))]).await;
    assert_eq!(server.client().upload_file(&source(5).path, &spec()).await.unwrap_err().kind, ErrorKind::Rejected);
    let deleted = server.lines().last().cloned().unwrap();
    assert_eq!(deleted, format!("DELETE /v1beta/{}", file(5, "FAILED")["name"].as_str().unwrap()), "it takes up room");
}

#[tokio::test]
async fn upload_to_a_full_storage_is_not_retried() {
    let details =
        json!([{"violations": [{"quotaId": "FileStorageBytesPerProject"}]}, {"retryDelay": "9223372036854775807s"}]);
    let full = json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "full", "details": details}});
    let server = Server::start([Reply::json(429, full)]).await;
    let error = server.client().upload_file(&source(5).path, &spec()).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Quota { which: Quota::Storage, .. }), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn upload_that_always_fails_ends_and_hides_the_session_url() {
    let server = Server::start([Reply::session()].into_iter().chain(vec![Reply::HangUp; 100])).await;
    let error = server.client().upload_file(&source(5).path, &spec()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry { after: None });
    assert!(server.requests().len() < 30, "{}", server.requests().len());
    assert!(!format!("{error} {error:?}").contains("secret-session"));
}

#[tokio::test]
async fn session_url_of_google_is_rewritten_to_the_base_url() {
    let url = "https://generativelanguage.googleapis.com/session?upload_id=x";
    let session = Reply::Answer(200, vec![("x-goog-upload-url", url.into())], String::new());
    let server = Server::start([session, done(5)]).await;
    server.client().upload_file(&source(5).path, &spec()).await.unwrap();
    assert_eq!(server.lines()[1], "POST /session?upload_id=x");
}

#[tokio::test]
async fn upload_to_a_server_that_loses_its_bytes_ends() {
    let forgetful = (0..40).flat_map(|_| [active(), Reply::HangUp, received(0)]);
    let server = Server::start([Reply::session()].into_iter().chain(forgetful)).await;
    let error = server.client().upload_file(&source(CHUNK + 5).path, &spec()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry { after: None });
    assert!(server.requests().len() < 30, "{}", server.requests().len());
}

#[tokio::test]
async fn upload_that_google_would_refuse_sends_nothing() {
    let server = Server::start([]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge");
    std::fs::File::create(&path).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
    assert_eq!(server.client().upload_file(&path, &spec()).await.unwrap_err().kind, ErrorKind::TooLarge);
    for name in ["abc", "files/", "files/-a", "files/A", "files/0123456789012345678901234567890123456789x"] {
        let named = UploadSpec { name: Some(name.into()), ..spec() };
        assert_eq!(
            server.client().upload_file(&source(1).path, &named).await.unwrap_err().kind,
            ErrorKind::Rejected,
            "{name}"
        );
    }
    let missing = server.client().upload_file(&folder.path().join("missing"), &spec()).await.unwrap_err();
    assert_eq!(missing.kind, ErrorKind::Io);
    assert!(server.requests().is_empty());
}
