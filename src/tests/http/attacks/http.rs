//! Hosts, headers, probes and connections that one caller sends.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use reqwest::{Method, Response, StatusCode};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::harness::{TestServer, http, refused};

fn address(server: &TestServer) -> SocketAddr {
    server.base_url.trim_start_matches("http://").parse().unwrap()
}

async fn get(server: &TestServer, path: &str) -> Response {
    http().get(format!("{}{path}", server.base_url)).send().await.unwrap()
}

/// Whether one of these requests is refused as one too many. A count that grows back meanwhile does not matter to that.
async fn is_limited(server: &TestServer, path: &str) -> bool {
    for _ in 0..30 {
        if get(server, path).await.status() == StatusCode::TOO_MANY_REQUESTS {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn probes_at_the_same_time_share_one_examination() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_PAGE_SPARE_WORKERS", "0")]).await;
    let probes = (0..30).flat_map(|_| ["/readyz", "/metrics"]).map(|path| get(&server, path));
    for answer in join_all(probes).await {
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let figures = get(&server, "/metrics").await.text().await.unwrap();
    let started = figures.lines().find_map(|line| line.strip_prefix("coldbrew_page_workers_started_total "));
    let started: u32 = started.unwrap().parse().unwrap();
    // The server starts one, an examination two. On a machine so busy that this takes longer than an examination is kept, there is
    // another examination.
    assert!((2..=7).contains(&started), "{started} page processes");
}

#[tokio::test]
async fn probes_and_missing_files_count_as_requests() {
    let data = TempDir::new().unwrap();
    let settings = [("COLDBREW_READS_PER_MINUTE", "5")];
    for path in ["/readyz", "/metrics", "/pkg/none.js", "/pkg/../none", "/favicon.svg"] {
        let server = TestServer::start(&data, &settings).await;
        assert!(is_limited(&server, path).await, "{path}");
        server.stop().await;
    }
}

#[tokio::test]
async fn files_of_the_site_and_liveness_are_never_refused() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_READS_PER_MINUTE", "5")]).await;
    std::fs::create_dir_all(data.path().join("site/pkg")).unwrap();
    std::fs::write(data.path().join("site/pkg/there.js"), "// There.").unwrap();
    assert!(is_limited(&server, "/v1/documents/supported-formats").await);
    for path in ["/pkg/there.js", "/healthz"] {
        assert!(!is_limited(&server, path).await, "{path}");
    }
    let missing = get(&server, "/pkg/none.js").await;
    refused(missing, 429, "too_many_requests").await;
}

#[tokio::test]
async fn probes_with_a_listener_of_their_own_are_not_found_on_the_public_one() {
    let data = TempDir::new().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = [("COLDBREW_OPERATIONS_ADDR", &*free.to_string()), ("COLDBREW_READS_PER_MINUTE", "5")];
    let server = TestServer::start(&data, &settings).await;
    let inside = async |path: &str| http().get(format!("http://{free}{path}")).send().await.unwrap();
    for path in ["/readyz", "/metrics"] {
        assert_eq!(get(&server, path).await.status(), StatusCode::NOT_FOUND, "{path}");
        // The operator's own network is not counted.
        for _ in 0..10 {
            assert_eq!(inside(path).await.status(), StatusCode::OK, "{path}");
        }
    }
    assert_eq!(get(&server, "/healthz").await.status(), StatusCode::OK);
    assert_eq!(inside("/healthz").await.status(), StatusCode::OK);
    for path in ["/", "/v1/users/me", "/openapi.json"] {
        refused(inside(path).await, 404, "not_found").await;
    }
    server.stop().await;
}

#[tokio::test]
async fn request_for_an_unknown_host_is_refused_before_it_makes_anything() {
    let data = TempDir::new().unwrap();
    let settings =
        [("COLDBREW_PUBLIC_URL", "https://coldbrew.example"), ("COLDBREW_HOSTS", "inside.example, 192.0.2.7")];
    let server = TestServer::start(&data, &settings).await;
    let ask = async |method: Method, path: &str, host: &str| {
        let request = http().request(method, format!("{}{path}", server.base_url)).header("host", host);
        request.send().await.unwrap()
    };
    let port = address(&server).port();
    for host in
        ["evil.example", &format!("evil.example:{port}"), "192.0.2.8", "0.0.0.0", "coldbrew.example@evil.example"]
    {
        for path in ["/", "/v1/documents", "/readyz", "/metrics", "/pkg/none.js", "/openapi.json"] {
            refused(ask(Method::GET, path, host).await, 421, "unknown_host").await;
        }
        let answer = ask(Method::POST, "/v1/users/guest", host).await;
        assert!(answer.headers().contains_key("x-content-type-options"), "a refusal has the common headers");
        refused(answer, 421, "unknown_host").await;
        assert_eq!(ask(Method::GET, "/healthz", host).await.status(), StatusCode::OK, "a probe may use any name");
    }
    let known =
        ["coldbrew.example", "COLDBREW.example:443", "inside.example:80", "192.0.2.7", "127.0.0.1", "localhost:1"];
    for host in known {
        assert_eq!(ask(Method::GET, "/v1/documents/supported-formats", host).await.status(), StatusCode::OK, "{host}");
    }
}

/// What the server says to these bytes until it closes the connection.
async fn raw(server: &TestServer, request: &str) -> String {
    let mut socket = TcpStream::connect(address(server)).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn every_host_that_a_request_names_must_be_known() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    for (target, hosts) in [
        ("http://evil.example/openapi.json", "host: localhost\r\n"),
        ("/openapi.json", "host: localhost\r\nhost: evil.example\r\n"),
        ("/openapi.json", "host: evil.example\r\nhost: localhost\r\n"),
        ("/openapi.json", "host: \r\n"),
        ("/openapi.json", ""),
    ] {
        let answer = raw(&server, &format!("GET {target} HTTP/1.1\r\n{hosts}connection: close\r\n\r\n")).await;
        let is_refused = answer.starts_with("HTTP/1.1 421 ") || answer.starts_with("HTTP/1.1 400 ");
        assert!(is_refused, "{target} {hosts}: {}", answer.lines().next().unwrap_or_default());
    }
    let absolute = "GET http://localhost/openapi.json HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert!(raw(&server, absolute).await.starts_with("HTTP/1.1 200 "));
}

/// How many of three guests with forwarded addresses of their own are let in where two of one address are.
async fn guests_let_in(settings: &[(&str, &str)]) -> usize {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[&[("COLDBREW_ENTRIES_PER_MINUTE", "1")], settings].concat()).await;
    let mut let_in = 0;
    for client in ["203.0.113.1", "198.51.100.1", "192.0.2.1"] {
        let request = http().post(format!("{}/v1/users/guest", server.base_url));
        let answer = request.header("x-forwarded-for", format!("6.6.6.6, {client}")).send().await.unwrap();
        let_in += usize::from(answer.status() == StatusCode::CREATED);
    }
    let_in
}

#[tokio::test]
async fn forwarded_address_counts_only_from_a_configured_proxy() {
    let header = ("COLDBREW_CLIENT_ADDRESS_HEADER", "x-forwarded-for");
    assert_eq!(guests_let_in(&[]).await, 1, "no proxy is configured");
    assert_eq!(guests_let_in(&[header]).await, 3, "loopback is a proxy then");
    assert_eq!(guests_let_in(&[header, ("COLDBREW_PROXY_NETWORKS", "192.0.2.0/24")]).await, 1, "a peer that is none");
    assert_eq!(guests_let_in(&[header, ("COLDBREW_PROXY_HOPS", "2")]).await, 1, "6.6.6.6 is counted then");
}

/// A connection with more answers under way than any buffer holds, none of which is read.
async fn unread(server: &TestServer) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut socket = socket.connect(address(server)).await.unwrap();
    let requests = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(200);
    socket.write_all(requests.as_bytes()).await.unwrap();
    socket
}

#[tokio::test]
async fn response_that_is_not_read_ends() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_READ_TIMEOUT_MS", "500")]).await;
    let mut socket = unread(&server).await;
    // What is sent to a connection that was closed is answered with a reset.
    let closed = async {
        while socket.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), closed).await.expect("the server closes the connection");
}

#[tokio::test]
async fn response_that_is_read_slowly_goes_on() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_READ_TIMEOUT_MS", "3000")]).await;
    let mut socket = unread(&server).await;
    // Twice as long as nothing may be read, though far less than the kernel's buffer holds.
    let mut chunk = [0; 8192];
    for _ in 0..60 {
        socket.read_exact(&mut chunk).await.expect("it goes on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn stream_of_events_without_news_stays_open() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_READ_TIMEOUT_MS", "200")]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(1).await;
    let mut events = guest.send(Method::GET, "/v1/events", None).await;
    events.chunk().await.unwrap().unwrap();
    // Several times as long as a response may wait for its client.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(guest.submit(&prepared, false, false).await.status(), StatusCode::CREATED);
    let news = tokio::time::timeout(Duration::from_secs(20), events.chunk()).await.unwrap();
    assert!(news.unwrap().unwrap().starts_with(b"event: change"));
}

/// Whether a request on a new connection is answered. A refused connection is closed or reset.
async fn is_answered(server: &TestServer) -> Option<TcpStream> {
    let mut socket = TcpStream::connect(address(server)).await.unwrap();
    socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.ok()?;
    let mut begin = [0; 12];
    socket.read_exact(&mut begin).await.ok()?;
    assert_eq!(&begin, b"HTTP/1.1 200");
    Some(socket)
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_until_others_end() {
    let data = TempDir::new().unwrap();
    let settings = [("COLDBREW_CONNECTIONS_MAX", "3"), ("COLDBREW_NETWORK_CONNECTIONS_MAX", "1")];
    let server = TestServer::start(&data, &settings).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(is_answered(&server).await.expect("loopback has no limit of its own"));
    }
    for _ in 0..20 {
        assert!(is_answered(&server).await.is_none(), "one connection too many");
    }
    open.pop();
    let again = async {
        while is_answered(&server).await.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), again).await.expect("a connection that ended makes room");
}

#[tokio::test]
async fn api_description_is_sent_once_to_a_caller_that_keeps_it() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let first = get(&server, "/openapi.json").await;
    let tag = first.headers()["etag"].clone();
    assert!(first.bytes().await.unwrap().len() > 10_000);
    let ask = async |tags: &str| {
        let request = http().get(format!("{}/openapi.json", server.base_url)).header("if-none-match", tags);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["etag"], tag);
        (answer.status(), answer.bytes().await.unwrap().is_empty())
    };
    let tag = tag.to_str().unwrap();
    for known in [tag, "*", &format!("\"other\", {tag}")] {
        assert_eq!(ask(known).await, (StatusCode::NOT_MODIFIED, true), "{known}");
    }
    assert_eq!(ask("\"other\"").await, (StatusCode::OK, false));
}
