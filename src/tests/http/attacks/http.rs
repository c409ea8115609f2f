//! Host names, headers, probes and connections.

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

/// Whether one of these requests is rate limited. The count may refill meanwhile.
async fn is_limited(server: &TestServer, path: &str) -> bool {
    for _ in 0..30 {
        if get(server, path).await.status() == StatusCode::TOO_MANY_REQUESTS {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn probes_at_once_share_one_check() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_PAGE_SPARE_WORKERS", "0")]).await;
    let probes = (0..30).flat_map(|_| ["/readyz", "/metrics"]).map(|path| get(&server, path));
    for answer in join_all(probes).await {
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let metrics = get(&server, "/metrics").await.text().await.unwrap();
    let started = metrics.lines().find_map(|line| line.strip_prefix("coldbrew_page_workers_started_total "));
    let started: u32 = started.unwrap().parse().unwrap();
    // The server starts one, and a check starts two. A busy machine may take longer than the cache is valid, and then checks again.
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
async fn site_files_and_liveness_are_never_rate_limited() {
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
        // Requests on the operator's listener are not counted.
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
async fn request_for_an_unknown_host_is_refused_without_effect() {
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
        assert!(answer.headers().contains_key("x-content-type-options"), "an error response has the common headers");
        refused(answer, 421, "unknown_host").await;
        assert_eq!(ask(Method::GET, "/healthz", host).await.status(), StatusCode::OK, "a probe may use any host");
    }
    let known =
        ["coldbrew.example", "COLDBREW.example:443", "inside.example:80", "192.0.2.7", "127.0.0.1", "localhost:1"];
    for host in known {
        assert_eq!(ask(Method::GET, "/v1/documents/supported-formats", host).await.status(), StatusCode::OK, "{host}");
    }
}

/// The response to these bytes, until the server closes the connection.
async fn raw(server: &TestServer, request: &str) -> String {
    let mut socket = TcpStream::connect(address(server)).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn request_with_any_unknown_host_is_refused() {
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

/// Sends three requests with different forwarded addresses to a server that allows one per address. Returns how many were admitted.
async fn guests_admitted(settings: &[(&str, &str)]) -> usize {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[&[("COLDBREW_ENTRIES_PER_MINUTE", "1")], settings].concat()).await;
    let mut admitted = 0;
    for client in ["203.0.113.1", "198.51.100.1", "192.0.2.1"] {
        let request = http().post(format!("{}/v1/users/guest", server.base_url));
        let answer = request.header("x-forwarded-for", format!("6.6.6.6, {client}")).send().await.unwrap();
        admitted += usize::from(answer.status() == StatusCode::CREATED);
    }
    admitted
}

#[tokio::test]
async fn forwarded_address_counts_only_from_a_configured_proxy() {
    let header = ("COLDBREW_CLIENT_ADDRESS_HEADER", "x-forwarded-for");
    assert_eq!(guests_admitted(&[]).await, 1, "no proxy is configured");
    assert_eq!(guests_admitted(&[header]).await, 3, "loopback counts as a proxy");
    assert_eq!(
        guests_admitted(&[header, ("COLDBREW_PROXY_NETWORKS", "192.0.2.0/24")]).await,
        1,
        "the peer is no proxy"
    );
    assert_eq!(guests_admitted(&[header, ("COLDBREW_PROXY_HOPS", "2")]).await, 1, "6.6.6.6 counts as the client");
}

/// A connection with more pending responses than any buffer holds. The client reads none of them.
async fn unread_connection(server: &TestServer) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut socket = socket.connect(address(server)).await.unwrap();
    let requests = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(200);
    socket.write_all(requests.as_bytes()).await.unwrap();
    socket
}

#[tokio::test]
async fn response_not_read_ends_at_the_timeout() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_READ_TIMEOUT_MS", "500")]).await;
    let mut socket = unread_connection(&server).await;
    // Sending on a closed connection fails with a reset.
    let closed = async {
        while socket.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), closed).await.expect("the server closes the connection");
}

#[tokio::test]
async fn response_read_slowly_continues() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_READ_TIMEOUT_MS", "3000")]).await;
    let mut socket = unread_connection(&server).await;
    // Reads for twice the timeout, but far less than the kernel's buffer holds.
    let mut chunk = [0; 8192];
    for _ in 0..60 {
        socket.read_exact(&mut chunk).await.expect("the response continues");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn event_stream_without_events_stays_open() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[("COLDBREW_READ_TIMEOUT_MS", "200")]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(1).await;
    let mut events = guest.send(Method::GET, "/v1/events", None).await;
    events.chunk().await.unwrap().unwrap();
    // Several times the timeout for unread responses.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(guest.submit(&prepared, false, false).await.status(), StatusCode::CREATED);
    let event = tokio::time::timeout(Duration::from_secs(20), events.chunk()).await.unwrap();
    assert!(event.unwrap().unwrap().starts_with(b"event: change"));
}

/// Sends a request on a new connection. Returns the connection, or `None` if it is closed or reset.
async fn open_connection(server: &TestServer) -> Option<TcpStream> {
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
        open.push(open_connection(&server).await.expect("loopback has no network limit"));
    }
    for _ in 0..20 {
        assert!(open_connection(&server).await.is_none(), "one connection too many");
    }
    open.pop();
    let again = async {
        while open_connection(&server).await.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), again).await.expect("a closed connection frees its place");
}

#[tokio::test]
async fn openapi_document_cached_by_the_caller_is_not_sent_again() {
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
