//! Ways into the network that the server stands in, each tried. 127.0.0.1 plays the internet, every other address the house.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod manners;

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

const INTERNET: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const HOUSE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Answers each look-up of any name with the next of its answers, the last one for good.
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

/// Every file has room.
async fn admitted(_length: Option<u64>) -> Result<(), Error> {
    Ok(())
}

struct Lab {
    fetcher: Fetcher,
    resolver: Arc<Script>,
    server: SocketAddr,
    _dir: TempDir,
}

impl Lab {
    async fn new(answers: Vec<Vec<IpAddr>>) -> Self {
        Self::before(site().await, answers).await
    }

    /// With that server on the internet.
    async fn before(server: SocketAddr, answers: Vec<Vec<IpAddr>>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = TempDir::new().unwrap();
        let resolver = Arc::new(Script { answers, asked: AtomicUsize::new(0) });
        let fetcher = Fetcher {
            resolver: resolver.clone(),
            targets: Targets {
                ports: vec![server.port()],
                deny: Vec::new(),
                is_public: |address| address == INTERNET,
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
            receiver: Receiver { dir: dir.path().to_owned(), bytes_max: 1_000 },
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

/// A server with good files and bad manners.
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
async fn a_file_of_the_internet_is_fetched() {
    let lab = Lab::new(vec![vec![INTERNET]]).await;
    let file = lab.fetch(&lab.url("/a%20file.pdf")).await.unwrap();
    assert_eq!((file.size, file.file_name.as_deref()), (8, Some("a file.pdf")));
    assert_eq!(file.url.unwrap(), lab.url("/a%20file.pdf"));
    let redirected = lab.fetch(&lab.url("/to//a%2520file.pdf")).await.unwrap();
    assert_eq!(redirected.size, 8);
}

#[tokio::test]
async fn only_web_addresses_are_tried() {
    let lab = Lab::new(vec![vec![INTERNET]]).await;
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
        assert_eq!(lab.refusal(address).await, ErrorCode::UrlNotAllowed, "{address}");
    }
    assert_eq!(lab.resolver.asked.load(Ordering::Relaxed), 0, "no name was looked up for any of them");
}

/// By the rule that is in force: the server that listens on 127.0.0.1 is one of the house.
#[tokio::test]
async fn addresses_in_disguise_are_recognized() {
    let mut lab = Lab::new(vec![vec![INTERNET]]).await;
    lab.fetcher.targets.is_public = is_public;
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
        // With a dot at the end, in other digits, percent-encoded.
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
        let address = format!("http://{host}:{}/a%20file.pdf", lab.server.port());
        assert_eq!(lab.refusal(&address).await, ErrorCode::UrlNotAllowed, "{host}");
    }
    assert_eq!(lab.resolver.asked.load(Ordering::Relaxed), 0, "none of them is a name");
}

#[tokio::test]
async fn a_name_for_an_address_of_the_house_is_refused_whatever_form_the_address_has() {
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
        let mut lab = Lab::new(vec![vec![answer.parse().unwrap()]]).await;
        lab.fetcher.targets.is_public = is_public;
        for name in ["example.org", "example.org.", "localhost", "localhost.", "a.b.c.example"] {
            let address = format!("http://{name}:{}/a%20file.pdf", lab.server.port());
            assert_eq!(lab.refusal(&address).await, ErrorCode::UrlNotAllowed, "{name} is {answer}");
        }
    }
}

/// However a name is written, the connection goes where its look-up led, and nobody looks it up again.
#[tokio::test]
async fn every_spelling_of_a_name_is_looked_up_once() {
    for name in ["example.org", "EXAMPLE.org", "example.org.", "exa%6Dple.org", "ｅxample.org", "bücher.example"] {
        let lab = Lab::new(vec![vec![INTERNET], vec![HOUSE]]).await;
        let address = format!("http://{name}:{}/a%20file.pdf", lab.server.port());
        assert_eq!(lab.fetch(&address).await.unwrap().size, 8, "{name}");
        assert_eq!(lab.resolver.asked.load(Ordering::Relaxed), 1, "{name}");
    }
}

#[tokio::test]
async fn a_name_with_an_address_of_the_house_is_refused() {
    for answer in [vec![HOUSE], vec![INTERNET, HOUSE], vec![HOUSE, INTERNET]] {
        let lab = Lab::new(vec![answer]).await;
        assert_eq!(lab.refusal(&lab.url("/a%20file.pdf")).await, ErrorCode::UrlNotAllowed);
    }
    let lab = Lab::new(vec![vec![]]).await;
    assert_eq!(lab.refusal(&lab.url("/")).await, ErrorCode::UrlUnreachable);
}

#[tokio::test]
async fn a_name_that_changes_its_answer_changes_nothing() {
    // Were the name looked up again for the connection, it would lead to where nobody listens.
    let lab = Lab::new(vec![vec![INTERNET], vec![HOUSE]]).await;
    assert_eq!(lab.fetch(&lab.url("/a%20file.pdf")).await.unwrap().size, 8);
    assert_eq!(lab.resolver.asked.load(Ordering::Relaxed), 1);
    // A redirect to the same name is a hop of its own.
    let lab = Lab::new(vec![vec![INTERNET], vec![HOUSE]]).await;
    assert_eq!(lab.refusal(&lab.url("/round")).await, ErrorCode::UrlNotAllowed);
}

#[tokio::test]
async fn redirects_are_checked_like_addresses() {
    let lab = Lab::new(vec![vec![INTERNET]]).await;
    let port = lab.server.port();
    for target in [format!("http://127.0.0.2:{port}/"), "http://2130706434/".into(), "file:///etc/passwd".into()] {
        assert_eq!(lab.refusal(&lab.url(&format!("/to/{target}"))).await, ErrorCode::UrlNotAllowed, "{target}");
    }
    assert_eq!(lab.refusal(&lab.url("/round")).await, ErrorCode::UrlNotAllowed, "a circle ends");
}

#[tokio::test]
async fn slow_endless_and_missing_files_end() {
    let lab = Lab::new(vec![vec![INTERNET]]).await;
    assert_eq!(lab.refusal(&lab.url("/slow")).await, ErrorCode::UrlTimeout);
    assert_eq!(lab.refusal(&lab.url("/endless")).await, ErrorCode::FileTooLarge);
    assert_eq!(lab.refusal(&lab.url("/missing")).await, ErrorCode::UrlUnreachable);
    assert_eq!(std::fs::read_dir(&lab.fetcher.receiver.dir).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn an_abstract_of_arxiv_leads_to_its_pdf() {
    let of = |address: &str| file_address(address.parse().unwrap()).to_string();
    assert_eq!(of("https://arxiv.org/abs/2401.00001v2"), "https://arxiv.org/pdf/2401.00001v2");
    assert_eq!(of("https://arxiv.org/abs/math/0211159"), "https://arxiv.org/pdf/math/0211159");
    assert_eq!(of("https://arxiv.org/pdf/2401.00001"), "https://arxiv.org/pdf/2401.00001");
    assert_eq!(of("https://example.org/abs/1"), "https://example.org/abs/1");
}

#[tokio::test]
async fn ports_that_are_not_configured_are_refused_at_every_hop() {
    let lab = Lab::new(vec![vec![INTERNET]]).await;
    for port in [1, 22, 25, 53, 81, 3306, 5432, 6379, 8081, 9200, 65_535] {
        let address = format!("http://example.org:{port}/");
        assert_eq!(lab.refusal(&address).await, ErrorCode::UrlNotAllowed, "{port}");
        assert_eq!(lab.refusal(&lab.url(&format!("/to/{address}"))).await, ErrorCode::UrlNotAllowed, "{port}");
    }
}

#[tokio::test]
async fn own_and_denied_addresses_are_refused_before_a_connection() {
    let mut lab = Lab::new(vec![vec![INTERNET]]).await;
    lab.fetcher.targets.own_addresses = || Ok(vec![INTERNET]);
    assert_eq!(lab.refusal(&lab.url("/a%20file.pdf")).await, ErrorCode::UrlNotAllowed, "this machine's own");
    for denied in ["127.0.0.0/8", "127.0.0.1", "example.org", "org"] {
        let mut lab = Lab::new(vec![vec![INTERNET]]).await;
        lab.fetcher.targets.deny = vec![denied.parse::<Denied>().unwrap()];
        assert_eq!(lab.refusal(&lab.url("/a%20file.pdf")).await, ErrorCode::UrlNotAllowed, "{denied}");
    }
    let mut lab = Lab::new(vec![vec![INTERNET]]).await;
    lab.fetcher.targets.deny = vec!["evil.example".parse().unwrap()];
    let redirect = format!("/to/http://a.evil.example:{}/", lab.server.port());
    assert_eq!(lab.refusal(&lab.url(&redirect)).await, ErrorCode::UrlNotAllowed, "a redirect to a denied host");
}

#[tokio::test]
async fn third_import_of_an_account_is_refused_until_one_ends() {
    let lab = Lab::new(vec![vec![INTERNET]]).await;
    let slow = lab.url("/slow");
    let (mut first, mut second) = (Box::pin(lab.fetch(&slow)), Box::pin(lab.fetch(&slow)));
    assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
    assert_eq!(lab.refusal(&lab.url("/a%20file.pdf")).await, ErrorCode::TooManyRequests);
    drop(first);
    assert!(lab.fetch(&lab.url("/a%20file.pdf")).await.is_ok(), "a caller that is gone has none under way");
}

#[tokio::test]
async fn bytes_of_an_account_are_counted_also_of_files_that_are_refused() {
    let lab = Lab::new(vec![vec![INTERNET]]).await;
    let mut refusals = Vec::new();
    while refusals.last() != Some(&ErrorCode::TooManyRequests) {
        refusals.push(lab.refusal(&lab.url("/endless")).await);
        assert!(refusals.len() < 20, "{refusals:?}");
    }
    assert!(refusals.len() > 1, "{refusals:?}");
}
