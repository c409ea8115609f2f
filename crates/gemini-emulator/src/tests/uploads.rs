//! Uploads with their faults, limits and expiry.

use serde_json::json;

use super::harness::{HOUR, TestEmulator, client};
use coldbrew_gemini::{ErrorKind, FileState, Quota, UploadSpec};

fn spec() -> UploadSpec {
    UploadSpec { display_name: "in".into(), mime_type: "application/jsonl".into(), name: None }
}

#[tokio::test]
async fn upload_with_each_fault_ends_in_one_file() {
    for fault in [
        "upload_drops_chunk",
        "upload_omits_status",
        "upload_loses_finalize",
        "upload_names_no_file",
        "upload_stays_active",
        "upload_forgotten",
        "file_processing",
    ] {
        let emulator = TestEmulator::start().await;
        let text = "0123456789abcdef".repeat((9 << 20) / 16);
        emulator.once(fault).await;
        let file = emulator.upload(&text).await;
        assert_eq!((file.size_bytes, file.state), (9 << 20, FileState::Active), "{fault}");
        let (_, files) = emulator.call("GET", "v1beta/files", None).await;
        let count = files["files"].as_array().unwrap().len();
        assert_eq!(count, 1, "{fault}: the file is there once");
    }
}

#[tokio::test]
async fn upload_of_a_failed_file_or_to_a_full_storage_is_an_error() {
    let emulator = TestEmulator::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in");
    std::fs::write(&path, "{}").unwrap();
    emulator.arm(json!({"fault": "file_failed", "times": 1})).await;
    emulator.arm(json!({"fault": "file_processing", "times": 1, "amount": 2})).await;
    assert_eq!(emulator.client.upload_file(&path, &spec()).await.unwrap_err().kind, ErrorKind::Rejected);
    emulator.once("storage_full").await;
    let error = emulator.client.upload_file(&path, &spec()).await.unwrap_err();
    let after = Some(std::time::Duration::from_secs(600));
    assert_eq!(error.kind, ErrorKind::Quota { which: Quota::Storage, after });
    emulator.client.upload_file(&path, &spec()).await.unwrap();
}

#[tokio::test]
async fn storage_of_a_project_is_limited_and_freed_by_a_delete() {
    let emulator = TestEmulator::start().await;
    let settings = json!({"pending_ms": 0, "running_ms": 0, "storage_bytes_max": 10});
    assert_eq!(emulator.call("POST", "_control/settings", Some(settings)).await.0, 200);
    let file = emulator.upload("0123456789").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in");
    std::fs::write(&path, "x").unwrap();
    assert!(matches!(emulator.client.upload_file(&path, &spec()).await.unwrap_err().kind, ErrorKind::Quota { .. }));
    client(&emulator.url, "another key").upload_file(&path, &spec()).await.unwrap();
    emulator.client.delete_file(&file.name).await.unwrap();
    emulator.client.upload_file(&path, &spec()).await.unwrap();
}

#[tokio::test]
async fn uploaded_file_expires_after_48_hours() {
    let emulator = TestEmulator::start().await;
    let file = emulator.upload("{}").await;
    emulator.advance(48 * HOUR - 1);
    let expiry = emulator.client.get_file(&file.name).await.unwrap().expiration_time.unwrap();
    assert_eq!(expiry.duration_since(file.create_time.unwrap()).as_hours(), 48);
    emulator.advance(1);
    assert_eq!(emulator.client.get_file(&file.name).await.unwrap_err().kind, ErrorKind::NotFound);
    assert!(emulator.client.list_files(None).await.unwrap().files.is_empty());
}

#[tokio::test]
async fn upload_resumes_after_a_restart() {
    let mut emulator = TestEmulator::start().await;
    let start = reqwest::Client::new()
        .post(format!("{}/upload/v1beta/files", emulator.url))
        .header("x-goog-api-key", "key")
        .header("x-goog-upload-protocol", "resumable")
        .header("x-goog-upload-command", "start")
        .header("x-goog-upload-header-content-length", 8 << 20 | 3)
        .send()
        .await
        .unwrap();
    let session = start.headers()["x-goog-upload-url"].to_str().unwrap().to_owned();
    assert!(session.starts_with(&emulator.url));
    let path = session.strip_prefix(&emulator.url).unwrap().to_owned();
    let send = |url: String, command: &'static str, offset: u64, body: Vec<u8>| async move {
        let request = reqwest::Client::new().put(format!("{url}{path}"));
        let request = request.header("x-goog-upload-command", command).header("x-goog-upload-offset", offset);
        request.body(body).send().await.unwrap()
    };
    let reply = send.clone()(emulator.url.clone(), "upload", 0, vec![1; 100]).await;
    assert_eq!(reply.status(), 400, "all but the last are multiples of 8 MiB");
    let reply = send.clone()(emulator.url.clone(), "upload", 0, vec![1; 8 << 20]).await;
    assert_eq!(reply.headers()["x-goog-upload-status"], "active");
    emulator.restart().await;
    let reply = send.clone()(emulator.url.clone(), "query", 0, Vec::new()).await;
    assert_eq!(reply.headers()["x-goog-upload-size-received"], "8388608");
    for (offset, length, status) in [(0, 3, 400), (8 << 20, 2, 400), (8 << 20 | 2, 1, 200)] {
        let reply = send.clone()(emulator.url.clone(), "upload, finalize", offset, vec![2; length]).await;
        assert_eq!(reply.status(), status, "{offset} {length}");
    }
}

#[tokio::test]
async fn upload_as_multipart_creates_a_file() {
    let emulator = TestEmulator::start().await;
    let body = "--b\r\nContent-Type: application/json\r\n\r\n{\"file\":{\"display_name\":\"both\"}}\r\n\
                --b\r\nContent-Type: text/plain\r\n\r\nhello\r\nyou\r\n--b--\r\n";
    let send = async |body: String| {
        let request = reqwest::Client::new().post(format!("{}/upload/v1/files?uploadType=multipart", emulator.url));
        let request = request.header("x-goog-api-key", "key").header("content-type", "multipart/related; boundary=b");
        request.body(body).send().await.unwrap().json::<serde_json::Value>().await.unwrap()
    };
    let refused = send(body.replace("display_name", "nickname")).await;
    assert!(refused["error"]["message"].as_str().unwrap().contains("Unknown name \"nickname\" at 'file'"), "{refused}");
    let file = send(body.to_owned()).await;
    assert_eq!(file["file"]["displayName"], "both");
    assert_eq!((&file["file"]["sizeBytes"], &file["file"]["mimeType"]), (&json!("10"), &json!("text/plain")));
}
