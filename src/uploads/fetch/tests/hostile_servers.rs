//! Servers that violate HTTP or never finish.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Fixture, PUBLIC};
use crate::model::ErrorCode;

/// What a server sends: first `once`, then `again` repeatedly, with a pause before each.
#[derive(Clone, Copy)]
struct Behaviour {
    once: &'static str,
    again: &'static str,
    pause: Duration,
}

const NO_PAUSE: Duration = Duration::ZERO;
const SHORT_PAUSE: Duration = Duration::from_millis(20);
const ENDLESS_PAUSE: Duration = Duration::from_secs(3_600);

async fn server(behaviour: Behaviour) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(send(socket, behaviour));
        }
    });
    addr
}

/// Sends until the client closes the connection.
async fn send(mut socket: TcpStream, behaviour: Behaviour) {
    let _ = socket.read(&mut [0; 4_096]).await;
    let mut sent = socket.write_all(behaviour.once.as_bytes()).await;
    // Without a pause many repetitions are sent at once, so that a size limit ends the transfer before the timeout does.
    let again = behaviour.again.repeat(if behaviour.pause.is_zero() { 1_000 } else { 1 });
    while sent.is_ok() && !again.is_empty() {
        tokio::time::sleep(behaviour.pause).await;
        sent = socket.write_all(again.as_bytes()).await;
    }
}

/// The error code that the fetcher returns for such a server.
async fn refusal_of(once: &'static str, again: &'static str, pause: Duration) -> ErrorCode {
    let fixture = Fixture::with_server(server(Behaviour { once, again, pause }).await, vec![vec![PUBLIC]]).await;
    let refusal = fixture.refusal(&fixture.url("/")).await;
    assert_eq!(std::fs::read_dir(&fixture.fetcher.receiver.dir).unwrap().count(), 0, "no file is left");
    refusal
}

#[tokio::test]
async fn responses_that_never_end_time_out() {
    let body = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (once, again, pause) in [
        // Silence, status line, headers, body, chunks, chunk size, interim responses.
        ("", "x", ENDLESS_PAUSE),
        ("HTTP/1.1 200 ", "x", SHORT_PAUSE),
        ("HTTP/1.1 200 OK\r\n", "x", SHORT_PAUSE),
        ("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n", "x", SHORT_PAUSE),
        (body, "1\r\nx\r\n", SHORT_PAUSE),
        (body, "0", SHORT_PAUSE),
        ("", "HTTP/1.1 103 Early Hints\r\n\r\n", SHORT_PAUSE),
    ] {
        assert_eq!(refusal_of(once, again, pause).await, ErrorCode::UrlTimeout, "{once:?} {again:?}");
    }
}

#[tokio::test]
async fn responses_that_are_too_large_are_refused() {
    let line = "x-header: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n";
    assert_eq!(refusal_of("HTTP/1.1 200 OK\r\n", line, NO_PAUSE).await, ErrorCode::UrlUnreachable, "headers");
    let name = "0123456789012345678901234567890123456789012345678901234567890123456789";
    assert_eq!(refusal_of("HTTP/1.1 200 OK\r\nx: ", name, NO_PAUSE).await, ErrorCode::UrlUnreachable, "a header");
    let body = "HTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(refusal_of(body, name, NO_PAUSE).await, ErrorCode::FileTooLarge, "a body without a length");
    let long = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n";
    assert_eq!(refusal_of(long, "", NO_PAUSE).await, ErrorCode::FileTooLarge, "a length");
}

#[tokio::test]
async fn responses_that_are_not_http_are_refused() {
    for banner in ["SSH-2.0-OpenSSH_9.9\r\n", "220 mail.example.org ESMTP\r\n", "-ERR unknown command\r\n", "\0\0\0\0"]
    {
        assert_eq!(refusal_of(banner, banner, NO_PAUSE).await, ErrorCode::UrlUnreachable, "{banner:?}");
    }
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nonly this";
    assert_eq!(refusal_of(short, "", NO_PAUSE).await, ErrorCode::UrlUnreachable, "the connection closed early");
}

#[tokio::test]
async fn redirects_in_any_form_are_checked() {
    for redirect in [
        "HTTP/1.1 302 Found\r\nlocation: //127.0.0.2/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: http://user@example.org/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: http://example.org:25/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 301 Moved\r\nlocation: gopher://example.org/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 307 Again\r\nlocation: HTTP://0x7f.2/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 308 Again\r\nlocation: \\\\127.0.0.2\\\r\ncontent-length: 0\r\n\r\n",
    ] {
        assert_eq!(refusal_of(redirect, "", NO_PAUSE).await, ErrorCode::UrlNotAllowed, "{redirect:?}");
    }
    for nowhere in
        ["HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 302 Found\r\nlocation: http://\r\n\r\n"]
    {
        assert_eq!(refusal_of(nowhere, "", NO_PAUSE).await, ErrorCode::UrlUnreachable, "{nowhere:?}");
    }
}
