//! Operating the real program: start and stop, log and metrics.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Stdio;
use std::time::{Duration, Instant};

use coldbrew_pdf::testing::simple_pdf;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::harness::{TestClient, TestServer, http, refused, variables};
use crate::web::accounts::with_arguments;

/// Starts the real program as a service manager does. Returns its process and its base URL.
async fn start(data: &TempDir) -> (Child, String) {
    start_with(data, &[("COLDBREW_DEMO_PENDING_MS", "600000")], Stdio::null()).await
}

async fn start_with(data: &TempDir, settings: &[(&str, &str)], log: Stdio) -> (Child, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_coldbrew"));
    program.arg("serve").env_clear();
    greeted(program, data, settings, log).await
}

/// Starts a program that becomes a server, and waits for its greeting.
async fn greeted(mut program: Command, data: &TempDir, settings: &[(&str, &str)], log: Stdio) -> (Child, String) {
    let mut child = program
        .envs(variables(data.path(), settings))
        .current_dir(data.path())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut greeting = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).await.unwrap();
    let url = greeting.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    (child, url)
}

#[tokio::test]
async fn stopped_server_hands_back_its_jobs_and_exits_with_success() {
    let data = TempDir::new().unwrap();
    let (mut first, url) = start(&data).await;
    let guest = TestClient::guest_at(&url).await;
    let prepared = guest.upload_pages(2).await;
    assert_eq!(guest.submit(&prepared, true, true).await.status(), StatusCode::ACCEPTED);

    let pid = i32::try_from(first.id().unwrap()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::TERM).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), first.wait()).await.expect("it ends").unwrap();
    assert!(ended.success(), "{ended}");

    // The next process can claim the job at once.
    let (mut second, url) = start(&data).await;
    let guest = TestClient::new(&url, &guest.token);
    let path = format!("/v1/documents/batch/{}/status", prepared["content_hash"].as_str().unwrap());
    assert!(["PREPARING", "PENDING"].contains(&guest.get(&path).await["status"].as_str().unwrap()));
    second.kill().await.unwrap();
}

#[tokio::test]
async fn server_raises_its_file_limit_to_the_hard_limit() {
    let data = TempDir::new().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -S -n 64 && exec \"$0\" serve", env!("CARGO_BIN_EXE_coldbrew")]);
    let (server, _) = greeted(shell, &data, &[], Stdio::null()).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id().unwrap())).unwrap();
    let files: Vec<&str> =
        limits.lines().find(|line| line.starts_with("Max open files")).unwrap().split_whitespace().collect();
    assert_eq!(files[3], files[4], "{files:?}");
}

/// Children of a process, by their ids.
fn children(pid: u32) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let lists = threads.map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    lists.collect::<Vec<_>>().join(" ").split_whitespace().map(str::to_owned).collect()
}

#[tokio::test]
async fn page_processes_of_a_server_are_confined_and_the_server_says_how() {
    let data = TempDir::new().unwrap();
    let log = data.path().join("log");
    let (server, url) = start_with(&data, &[], std::fs::File::create(&log).unwrap().into()).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    let is_confined = |pid: &String| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        ["Seccomp:\t2", "NoNewPrivs:\t1"].iter().all(|wanted| status.lines().any(|line| line == *wanted))
    };
    // Two are started before any document is there.
    while children(server.id().unwrap()).iter().filter(|pid| is_confined(pid)).count() < 2 {
        assert!(Instant::now() < deadline, "they are not confined");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ready: Value = http().get(format!("{url}/readyz")).send().await.unwrap().json().await.unwrap();
    let layers = ready["sandbox"].as_str().unwrap();
    assert!(layers.ends_with(", seccomp"), "{layers}");
    let logged = std::fs::read_to_string(log).unwrap();
    assert_eq!(logged.matches("page processes are confined").count(), 1, "{logged}");
}

/// Files in `/proc` of a process that is not dumpable belong to root.
#[tokio::test]
async fn process_that_holds_keys_is_not_dumpable() {
    // Another user may be unable to reach the build's folder.
    let reachable = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
    let copy = reachable.path().join("coldbrew");
    std::fs::hard_link(env!("CARGO_BIN_EXE_coldbrew"), &copy)
        .or_else(|_| std::fs::copy(env!("CARGO_BIN_EXE_coldbrew"), &copy).map(drop))
        .unwrap();
    let mut program = Command::new(copy);
    program.args(["fake-gemini", "--addr", "127.0.0.1:0"]).env_clear().current_dir("/").kill_on_drop(true);
    if rustix::process::geteuid().is_root() {
        program.uid(65_534);
    }
    let child = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let environ = format!("/proc/{}/environ", child.id().unwrap());
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::fs::metadata(&environ).unwrap().uid() != 0 {
        assert!(Instant::now() < deadline, "it is dumpable");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The client sends a part of a request, and then nothing.
#[tokio::test]
async fn unfinished_request_is_cut_off_when_the_server_stops() {
    use tokio::io::AsyncWriteExt;
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_STOP_TIMEOUT_MS", "300")]).await;
    let guest = server.guest().await;
    let mut socket = tokio::net::TcpStream::connect(server.base_url.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST /v1/documents/prepare HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\nauthorization: Bearer {}\r\n\r\n{{",
        guest.token
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    // After the answer to another request, the server has certainly read the first one.
    guest.get("/v1/users/me").await;
    tokio::time::timeout(Duration::from_secs(20), server.stop()).await.expect("it ends");
}

/// At the finest level of the log.
#[tokio::test]
async fn log_and_metrics_contain_no_secret_name_or_text() {
    let data = TempDir::new().unwrap();
    let log = std::fs::File::create(data.path().join("log")).unwrap();
    let settings =
        [("RUST_LOG", "warn,coldbrew=trace,tower_http=trace"), ("COLDBREW_METRICS_TOKEN", "watchers-secret")];
    let (mut server, url) = start_with(&data, &settings, log.into()).await;
    let guest = TestClient::guest_at(&url).await;
    let answer = guest.upload("secret-name.pdf", simple_pdf(&["secret-text of the page"])).await;
    let prepared: Value = answer.json().await.unwrap();
    let wish =
        |ai: bool| json!({"hash": prepared["hash"], "title": "secret-title", "ai_transform": ai, "batch_mode": ai});
    for ai in [false, true] {
        let answer = guest.send(Method::POST, "/v1/documents/document", Some(wish(ai))).await;
        assert!(answer.status().is_success());
    }
    guest.batch_end(prepared["content_hash"].as_str().unwrap()).await;
    // Refused requests too.
    guest.upload("secret-name.pdf", b"secret-text is no PDF".to_vec()).await;
    guest.upload("secret-name.pdf", b"%PDF-1.7 secret-text".to_vec()).await;
    guest.send(Method::POST, "/v1/documents/document", Some(json!({"secret-title": 1}))).await;
    guest.send(Method::POST, "/v1/documents/prepare", Some(json!({"url": "http://127.0.0.1/secret-name.pdf"}))).await;
    guest.with_token("watchers-secret").send(Method::GET, "/metrics", None).await;
    guest.send(Method::GET, "/library?query=secret-title", None).await;
    let login = json!({"email": "secret-name@example.org", "password": "secret-password"});
    let sign_up = reqwest::Client::new().post(format!("{url}/api/sign_up")).header("sec-fetch-site", "same-origin");
    let cookie = with_arguments(sign_up, "sign_up", &login).send().await.unwrap().headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned();
    let session = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    let answer = guest.with_token("watchers-secret").send(Method::GET, "/metrics", None).await;
    let metrics = answer.text().await.unwrap();
    assert!(metrics.contains("coldbrew_"), "{metrics}");
    server.kill().await.unwrap();
    let log = std::fs::read_to_string(data.path().join("log")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["span"]["id"].is_string()), "no line has the id of its request");
    for word in ["secret-", guest.token.as_str(), session.as_str(), "watchers"] {
        let found = log.lines().chain(metrics.lines()).find(|line| line.contains(word));
        assert_eq!(found, None, "{word}");
    }
}

#[tokio::test]
async fn request_id_of_a_caller_is_logged_beside_the_one_of_the_server() {
    let data = TempDir::new().unwrap();
    let log = std::fs::File::create(data.path().join("log")).unwrap();
    let settings = [("RUST_LOG", "warn,coldbrew=trace,tower_http=trace")];
    let (mut server, url) = start_with(&data, &settings, log.into()).await;
    let mut named = Vec::new();
    let long = "x".repeat(65);
    let ids = ["my-request.1", "my-request.1", "a b", "{\"a\":1}", "", &long];
    for id in ids {
        let request = http().get(format!("{url}/v1/users/me")).header("x-request-id", id);
        let answer = request.send().await.unwrap();
        let header = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(refused(answer, 401, "unauthenticated").await["request_id"], header.as_str());
        named.push(header);
    }
    server.kill().await.unwrap();
    let log = std::fs::read_to_string(data.path().join("log")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (at, (own, sent)) in named.iter().zip(ids).enumerate() {
        assert!(own.len() == 36 && !named[..at].contains(own), "{own} is not unique");
        let span = lines.iter().map(|line| &line["span"]).find(|span| span["id"] == own.as_str()).unwrap();
        let kept = span["caller_request_id"].as_str();
        assert_eq!(kept, (sent == "my-request.1").then_some(sent), "{sent}");
    }
}

#[tokio::test]
async fn data_of_a_server_is_readable_by_its_user_only() {
    let data = TempDir::new().unwrap();
    let (mut server, url) = start(&data).await;
    let guest = TestClient::guest_at(&url).await;
    assert!(guest.upload("book.pdf", simple_pdf(&["words"])).await.status().is_success());
    server.kill().await.unwrap();
    let mut folders = vec![data.path().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let (path, mode) =
                entry.map(|entry| (entry.path(), entry.metadata().unwrap().permissions().mode())).unwrap();
            // This test made it, and not the server.
            if path.ends_with("site") {
                continue;
            }
            assert_eq!(mode & 0o077, 0, "{path:?}");
            if path.is_dir() { folders.push(path) } else { files += 1 }
        }
    }
    assert!(files >= 2, "a database and an upload");
}

#[tokio::test]
async fn metrics_are_shown_only_with_the_token() {
    let data = TempDir::new().unwrap();
    let settings = [("COLDBREW_METRICS_TOKEN", "let me see"), ("COLDBREW_DEMO_PENDING_MS", "600000")];
    let server = TestServer::start(&data, &settings).await;
    let guest = server.guest().await;
    refused(guest.send(Method::GET, "/metrics", None).await, 401, "unauthenticated").await;
    let prepared = guest.upload_pages(1).await;
    let wish = json!({"hash": prepared["hash"], "ai_transform": true, "batch_mode": true});
    assert_eq!(guest.send(Method::POST, "/v1/documents/document", Some(wish)).await.status(), StatusCode::ACCEPTED);
    let answer = guest.with_token("let me see").send(Method::GET, "/metrics", None).await;
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4");
    let text = answer.text().await.unwrap();
    let of = |status: &str| {
        let line = format!("coldbrew_jobs{{mode=\"batch\",status=\"{status}\"}} ");
        text.lines().find_map(|found| found.strip_prefix(&line)).map(|count| count.parse::<u32>().unwrap()).unwrap()
    };
    assert_eq!(of("preparing") + of("pending") + of("running"), 1, "{text}");
    for name in [
        "coldbrew_jobs_due",
        "coldbrew_poll_lag_seconds",
        "coldbrew_http_requests_total",
        "coldbrew_page_workers_started_total",
    ] {
        assert!(text.contains(name), "{name} is missing");
    }
    for secret in [guest.token.as_str(), prepared["content_hash"].as_str().unwrap(), "book"] {
        assert!(!text.contains(secret));
    }
}
