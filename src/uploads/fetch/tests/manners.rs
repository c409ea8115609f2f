//! Servers that answer in ways that no honest one does. Each speaks to whoever connects, byte by byte as it likes.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{INTERNET, Lab};
use crate::model::ErrorCode;

/// What such a server says: first `once`, then `again` over and over, with a pause before each.
#[derive(Clone, Copy)]
struct Manners {
    once: &'static str,
    again: &'static str,
    pause: Duration,
}

const AT_ONCE: Duration = Duration::ZERO;
const SLOWLY: Duration = Duration::from_millis(20);
const NEVER: Duration = Duration::from_secs(3_600);

async fn server(manners: Manners) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(speak(socket, manners));
        }
    });
    addr
}

/// Until the other side has heard enough.
async fn speak(mut socket: TcpStream, manners: Manners) {
    let _ = socket.read(&mut [0; 4_096]).await;
    let mut said = socket.write_all(manners.once.as_bytes()).await;
    // Without a pause, so much at a time that the end of somebody's patience is not what ends it.
    let again = manners.again.repeat(if manners.pause.is_zero() { 1_000 } else { 1 });
    while said.is_ok() && !again.is_empty() {
        tokio::time::sleep(manners.pause).await;
        said = socket.write_all(again.as_bytes()).await;
    }
}

/// How the fetcher puts what it got from such a server.
async fn refusal_of(once: &'static str, again: &'static str, pause: Duration) -> ErrorCode {
    let lab = Lab::before(server(Manners { once, again, pause }).await, vec![vec![INTERNET]]).await;
    let refusal = lab.refusal(&lab.url("/")).await;
    assert_eq!(std::fs::read_dir(&lab.fetcher.receiver.dir).unwrap().count(), 0, "nothing is left behind");
    refusal
}

#[tokio::test]
async fn who_never_comes_to_an_end_is_given_up() {
    let body = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (once, again, pause) in [
        // Silence, a status line, a head, a body, chunks, the size of a chunk, and answers before the answer.
        ("", "x", NEVER),
        ("HTTP/1.1 200 ", "x", SLOWLY),
        ("HTTP/1.1 200 OK\r\n", "x", SLOWLY),
        ("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n", "x", SLOWLY),
        (body, "1\r\nx\r\n", SLOWLY),
        (body, "0", SLOWLY),
        ("", "HTTP/1.1 103 Early Hints\r\n\r\n", SLOWLY),
    ] {
        assert_eq!(refusal_of(once, again, pause).await, ErrorCode::UrlTimeout, "{once:?} {again:?}");
    }
}

#[tokio::test]
async fn who_says_too_much_is_cut_off() {
    let line = "x-header: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n";
    assert_eq!(refusal_of("HTTP/1.1 200 OK\r\n", line, AT_ONCE).await, ErrorCode::UrlUnreachable, "headers");
    let name = "0123456789012345678901234567890123456789012345678901234567890123456789";
    assert_eq!(refusal_of("HTTP/1.1 200 OK\r\nx: ", name, AT_ONCE).await, ErrorCode::UrlUnreachable, "a header");
    let body = "HTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(refusal_of(body, name, AT_ONCE).await, ErrorCode::FileTooLarge, "a body without a length");
    let long = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n";
    assert_eq!(refusal_of(long, "", AT_ONCE).await, ErrorCode::FileTooLarge, "a length");
}

#[tokio::test]
async fn what_is_no_web_server_tells_nothing() {
    for banner in ["SSH-2.0-OpenSSH_9.9\r\n", "220 mail.example.org ESMTP\r\n", "-ERR unknown command\r\n", "\0\0\0\0"]
    {
        assert_eq!(refusal_of(banner, banner, AT_ONCE).await, ErrorCode::UrlUnreachable, "{banner:?}");
    }
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nonly this";
    assert_eq!(refusal_of(short, "", AT_ONCE).await, ErrorCode::UrlUnreachable, "it hung up half-way");
}

#[tokio::test]
async fn a_redirect_is_a_hop_whatever_it_looks_like() {
    for redirect in [
        "HTTP/1.1 302 Found\r\nlocation: //127.0.0.2/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: http://user@example.org/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: http://example.org:25/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 301 Moved\r\nlocation: gopher://example.org/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 307 Again\r\nlocation: HTTP://0x7f.2/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 308 Again\r\nlocation: \\\\127.0.0.2\\\r\ncontent-length: 0\r\n\r\n",
    ] {
        assert_eq!(refusal_of(redirect, "", AT_ONCE).await, ErrorCode::UrlNotAllowed, "{redirect:?}");
    }
    for nowhere in
        ["HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 302 Found\r\nlocation: http://\r\n\r\n"]
    {
        assert_eq!(refusal_of(nowhere, "", AT_ONCE).await, ErrorCode::UrlUnreachable, "{nowhere:?}");
    }
}
