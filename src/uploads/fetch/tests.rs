//! Attempts to reach private networks. In these tests 127.0.0.1 is the only public address.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod hostile_servers;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::Redirect;
use axum::routing::get;
use bytes::Bytes;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::public::is_public;
use super::{Denied, Fetcher, ImportLimits, Imports, Resolve, Targets, file_address};
use crate::accounts::Account;
use crate::accounts::Caller;
use crate::clock::SystemClock;
use crate::error::{Error, Result};
use crate::model::ErrorCode;
use crate::uploads::{ReceivedFile, Receiver};

const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PRIVATE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Returns one answer after the other for any name; the last one repeats.
struct Script {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

#[async_trait]
impl Resolve for Script {
    async fn resolve(&self, _host: &str) -> std::io::Result<Vec<IpAddr>> {
        let turn = self.asked.fetch_add(1, Ordering::Relaxed).min(self.answers.len() - 1);
        Ok(self.answers[turn].clone())
    }
}

/// Admits every file.
async fn admitted(_length: Option<u64>) -> Result<(), Error> {
    Ok(())
}

struct Fixture {
    fetcher: Fetcher,
    resolver: Arc<Script>,
    server: SocketAddr,
    _dir: TempDir,
}

impl Fixture {
    async fn new(answers: Vec<Vec<IpAddr>>) -> Self {
        Self::with_server(site().await, answers).await
    }

    /// A fixture with this server on the public internet.
    async fn with_server(server: SocketAddr, answers: Vec<Vec<IpAddr>>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = TempDir::new().unwrap();
        let resolver = Arc::new(Script { answers, asked: AtomicUsize::new(0) });
        let fetcher = Fetcher {
            resolver: resolver.clone(),
            targets: Targets {
                ports: vec![server.port()],
                deny: Vec::new(),
                is_public: |address| address == PUBLIC,
                own_addresses: || Ok(Vec::new()),
            },
            imports: Imports::new(ImportLimits {
                at_once_max: 16,
                account_at_once_max: 2,
                bytes_per_hour: 0,
                guest_bytes_per_hour: 10_000,
                timeout: Duration::from_millis(800),
            }),
            clock: Arc::new(SystemClock),
            receiver: Receiver { dir: dir.path().to_owned(), bytes_max: 1_000, own: None },
        };
        Self { fetcher, resolver, server, _dir: dir }
    }

    async fn fetch(&self, address: &str) -> Result<ReceivedFile> {
        self.fetcher.fetch(&caller(), address, admitted).await.map(|(file, ())| file)
    }

    fn url(&self, path: &str) -> String {
        format!("http://example.org:{}{path}", self.server.port())
    }

    async fn refusal(&self, address: &str) -> ErrorCode {
        match self.fetch(address).await {
            Err(Error::Refused(error)) => error.code,
            other => panic!("{address}: {other:?}"),
        }
    }
}

fn caller() -> Caller {
    let account = Account { id: "guest".to_owned(), email: None, quota_tokens: None };
    Caller { account, network: None }
}

/// A server with ordinary, endless, slow and redirecting responses.
async fn site() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let endless = || async {
        let chunk = || Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 400]));
        Body::from_stream(futures::stream::repeat_with(chunk))
    };
    let slow = || async { Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>()) };
    let app = Router::new()
        .route("/a%20file.pdf", get(|| async { "%PDF-1.7" }))
        .route("/endless", get(endless))
        .route("/slow", get(slow))
        .route("/round", get(|| async { Redirect::temporary("/round") }))
        .route("/to/{*target}", get(|Path(target): Path<String>| async move { Redirect::temporary(&target) }));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    addr
}

#[tokio::test]
async fn file_at_a_public_address_is_fetched() {
    let fixture = Fixture::new(vec![vec![PUBLIC]]).await;
    let file = fixture.fetch(&fixture.url("/a%20file.pdf")).await.unwrap();
    assert_eq!((file.size, file.file_name.as_deref()), (8, Some("a file.pdf")));
    assert_eq!(file.url.unwrap(), fixture.url("/a%20file.pdf"));
    let redirected = fixture.fetch(&fixture.url("/to//a%2520file.pdf")).await.unwrap();
    assert_eq!(redirected.size, 8);
}

#[tokio::test]
async fn addresses_other_than_http_are_refused_unresolved() {
    let fixture = Fixture::new(vec![vec![PUBLIC]]).await;
    for address in [
        "",
        "not an address",
        "file:///etc/passwd",
        "ftp://example.org/a.pdf",
        "gopher://example.org/",
        "data:text/plain,x",
        "http://",
        "http://user@example.org/",
        "http://user:secret@example.org/",
        "http://example.org:25/",
        "http://example.org:22/",
    ] {
        assert_eq!(fixture.refusal(address).await, ErrorCode::UrlNotAllowed, "{address}");
    }
    assert_eq!(fixture.resolver.asked.load(Ordering::Relaxed), 0, "no name was resolved");
}

/// Uses the real rule, by which 127.0.0.1 is not public.
#[tokio::test]
async fn private_addresses_in_any_notation_are_refused() {
    let mut fixture = Fixture::new(vec![vec![PUBLIC]]).await;
    fixture.fetcher.targets.is_public = is_public;
    for host in [
        // Decimal, octal, hexadecimal, short, and mixed.
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0X7F000001",
        "017700000001",
        "0177.0.0.01",
        "0x7f.0x0.0x0.0x1",
        "127.1",
        "127.0.1",
        "0x7f.1",
        "127.0x0001",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "2852039166",
        // Trailing dots, other digits, percent encoding.
        "127.0.0.1.",
        "2130706433.",
        "１２７.０.０.１",
        "127。0。0。1",
        "①②⑦.⓪.⓪.①",
        "%31%32%37.0.0.1",
        // IPv6: this machine, unspecified, mapped, compatible, translated, 6to4, Teredo, ULA, link-local, site-local, multicast.
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::7f00:1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2002:a00:1::1]",
        "[2001:0:7f00:1::1]",
        "[2001::ffff:80ff:fffe]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[ff0e::1]",
        "[fe80::1%25eth0]",
    ] {
        let address = format!("http://{host}:{}/a%20file.pdf", fixture.server.port());
        assert_eq!(fixture.refusal(&address).await, ErrorCode::UrlNotAllowed, "{host}");
    }
    assert_eq!(fixture.resolver.asked.load(Ordering::Relaxed), 0, "no name was resolved");
}

#[tokio::test]
async fn names_resolving_to_private_addresses_in_any_form_are_refused() {
    for answer in [
        "127.0.0.1",
        "0.0.0.0",
        "100.64.0.1",
        "192.168.0.1",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::127.0.0.1",
        "2002:7f00:1::",
        "2001::1",
        "fd00::1",
        "fe80::1",
        "ff02::1",
    ] {
        let mut fixture = Fixture::new(vec![vec![answer.parse().unwrap()]]).await;
        fixture.fetcher.targets.is_public = is_public;
        for name in ["example.org", "example.org.", "localhost", "localhost.", "a.b.c.example"] {
            let address = format!("http://{name}:{}/a%20file.pdf", fixture.server.port());
            assert_eq!(fixture.refusal(&address).await, ErrorCode::UrlNotAllowed, "{name} is {answer}");
        }
    }
}

/// For every spelling of a name, the connection uses the one resolved address.
#[tokio::test]
async fn names_in_any_spelling_are_resolved_once() {
    for name in ["example.org", "EXAMPLE.org", "example.org.", "exa%6Dple.org", "ｅxample.org", "bücher.example"] {
        let fixture = Fixture::new(vec![vec![PUBLIC], vec![PRIVATE]]).await;
        let address = format!("http://{name}:{}/a%20file.pdf", fixture.server.port());
        assert_eq!(fixture.fetch(&address).await.unwrap().size, 8, "{name}");
        assert_eq!(fixture.resolver.asked.load(Ordering::Relaxed), 1, "{name}");
    }
}

#[tokio::test]
async fn names_with_one_private_address_among_others_are_refused() {
    for answer in [vec![PRIVATE], vec![PUBLIC, PRIVATE], vec![PRIVATE, PUBLIC]] {
        let fixture = Fixture::new(vec![answer]).await;
        assert_eq!(fixture.refusal(&fixture.url("/a%20file.pdf")).await, ErrorCode::UrlNotAllowed);
    }
    let fixture = Fixture::new(vec![vec![]]).await;
    assert_eq!(fixture.refusal(&fixture.url("/")).await, ErrorCode::UrlUnreachable);
}

#[tokio::test]
async fn name_with_a_changed_dns_answer_keeps_its_checked_address() {
    // If the name were resolved again for the connection, it would lead to a refused connection.
    let fixture = Fixture::new(vec![vec![PUBLIC], vec![PRIVATE]]).await;
    assert_eq!(fixture.fetch(&fixture.url("/a%20file.pdf")).await.unwrap().size, 8);
    assert_eq!(fixture.resolver.asked.load(Ordering::Relaxed), 1);
    // A redirect to the same name is a hop of its own.
    let fixture = Fixture::new(vec![vec![PUBLIC], vec![PRIVATE]]).await;
    assert_eq!(fixture.refusal(&fixture.url("/round")).await, ErrorCode::UrlNotAllowed);
}

#[tokio::test]
async fn redirects_to_private_addresses_are_refused() {
    let fixture = Fixture::new(vec![vec![PUBLIC]]).await;
    let port = fixture.server.port();
    for target in [format!("http://127.0.0.2:{port}/"), "http://2130706434/".into(), "file:///etc/passwd".into()] {
        assert_eq!(fixture.refusal(&fixture.url(&format!("/to/{target}"))).await, ErrorCode::UrlNotAllowed, "{target}");
    }
    assert_eq!(fixture.refusal(&fixture.url("/round")).await, ErrorCode::UrlNotAllowed, "a redirect loop ends");
}

#[tokio::test]
async fn slow_endless_and_missing_files_fail_without_leftovers() {
    let fixture = Fixture::new(vec![vec![PUBLIC]]).await;
    assert_eq!(fixture.refusal(&fixture.url("/slow")).await, ErrorCode::UrlTimeout);
    assert_eq!(fixture.refusal(&fixture.url("/endless")).await, ErrorCode::FileTooLarge);
    assert_eq!(fixture.refusal(&fixture.url("/missing")).await, ErrorCode::UrlUnreachable);
    assert_eq!(std::fs::read_dir(&fixture.fetcher.receiver.dir).unwrap().count(), 0, "no file is left");
}

#[test]
fn arxiv_abstract_address_becomes_that_of_its_pdf() {
    let of = |address: &str| file_address(address.parse().unwrap()).to_string();
    assert_eq!(of("https://arxiv.org/abs/2401.00001v2"), "https://arxiv.org/pdf/2401.00001v2");
    assert_eq!(of("https://arxiv.org/abs/math/0211159"), "https://arxiv.org/pdf/math/0211159");
    assert_eq!(of("https://arxiv.org/pdf/2401.00001"), "https://arxiv.org/pdf/2401.00001");
    assert_eq!(of("https://example.org/abs/1"), "https://example.org/abs/1");
}

#[tokio::test]
async fn ports_that_are_not_configured_are_refused_at_every_hop() {
    let fixture = Fixture::new(vec![vec![PUBLIC]]).await;
    for port in [1, 22, 25, 53, 81, 3306, 5432, 6379, 8081, 9200, 65_535] {
        let address = format!("http://example.org:{port}/");
        assert_eq!(fixture.refusal(&address).await, ErrorCode::UrlNotAllowed, "{port}");
        assert_eq!(fixture.refusal(&fixture.url(&format!("/to/{address}"))).await, ErrorCode::UrlNotAllowed, "{port}");
    }
}

#[tokio::test]
async fn own_and_denied_addresses_are_refused_unconnected() {
    let mut fixture = Fixture::new(vec![vec![PUBLIC]]).await;
    fixture.fetcher.targets.own_addresses = || Ok(vec![PUBLIC]);
    assert_eq!(fixture.refusal(&fixture.url("/a%20file.pdf")).await, ErrorCode::UrlNotAllowed, "an own address");
    for denied in ["127.0.0.0/8", "127.0.0.1", "example.org", "org"] {
        let mut fixture = Fixture::new(vec![vec![PUBLIC]]).await;
        fixture.fetcher.targets.deny = vec![denied.parse::<Denied>().unwrap()];
        assert_eq!(fixture.refusal(&fixture.url("/a%20file.pdf")).await, ErrorCode::UrlNotAllowed, "{denied}");
    }
    let mut fixture = Fixture::new(vec![vec![PUBLIC]]).await;
    fixture.fetcher.targets.deny = vec!["evil.example".parse().unwrap()];
    let redirect = format!("/to/http://a.evil.example:{}/", fixture.server.port());
    assert_eq!(fixture.refusal(&fixture.url(&redirect)).await, ErrorCode::UrlNotAllowed, "a redirect to a denied host");
}

#[tokio::test]
async fn third_import_of_an_account_is_refused_until_one_ends() {
    let fixture = Fixture::new(vec![vec![PUBLIC]]).await;
    let slow = fixture.url("/slow");
    let (mut first, mut second) = (Box::pin(fixture.fetch(&slow)), Box::pin(fixture.fetch(&slow)));
    assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
    assert_eq!(fixture.refusal(&fixture.url("/a%20file.pdf")).await, ErrorCode::TooManyRequests);
    drop(first);
    assert!(fixture.fetch(&fixture.url("/a%20file.pdf")).await.is_ok(), "the download of a caller that left has ended");
}

#[tokio::test]
async fn bytes_of_refused_files_count_against_the_account() {
    let fixture = Fixture::new(vec![vec![PUBLIC]]).await;
    let mut refusals = Vec::new();
    while refusals.last() != Some(&ErrorCode::TooManyRequests) {
        refusals.push(fixture.refusal(&fixture.url("/endless")).await);
        assert!(refusals.len() < 20, "{refusals:?}");
    }
    assert!(refusals.len() > 1, "{refusals:?}");
}
