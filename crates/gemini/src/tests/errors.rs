//! Unusable replies, retry delays, secrets, and any bytes as an error body. `error_table` has the documented errors.

use std::time::Duration;

use http::HeaderMap;
use proptest::prelude::*;
use serde_json::json;

use super::error_table::{after, delay, envelope, retry};
use super::server::{Reply, Server, client};
use crate::error::Error;
use crate::{Client, Config, ErrorKind};

#[tokio::test]
async fn create_without_a_usable_reply_is_ambiguous() {
    for reply in [
        Reply::HangUp,
        Reply::BreakOff("{\"name\":"),
        Reply::html(502),
        Reply::ok("{}"),
        Reply::html(200),
        Reply::html(302),
    ] {
        let server = Server::start([reply.clone()]).await;
        let error = server.client().create_batch("gemini-3.8-flash", "job", "files/in").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Ambiguous, "{reply:?}");
    }
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let redirect = Reply::Answer(307, vec![("location", "{url}/elsewhere".into())], String::new());
    let server = Server::start([redirect, Reply::ok(json!({"name": "batches/abc"}))]).await;
    server.client().get_batch("batches/abc").await.unwrap_err();
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn create_without_a_connection_may_be_retried() {
    let unconnected = client("http://127.0.0.1:9");
    let error = unconnected.create_batch("gemini-3.8-flash", "job", "files/in").await.unwrap_err();
    assert_eq!(error.kind, retry(None));
}

#[tokio::test]
async fn get_batch_without_a_usable_reply_may_be_retried() {
    for reply in [
        Reply::HangUp,
        Reply::BreakOff("{\"name\":"),
        Reply::html(404),
        Reply::html(502),
        Reply::html(200),
        Reply::html(302),
    ] {
        let server = Server::start([reply.clone()]).await;
        let error = server.client().get_batch("batches/abc").await.unwrap_err();
        assert_eq!(error.kind, retry(None), "{reply:?}");
        assert!(!error.message.contains('<'), "{error}");
    }
}

#[tokio::test]
async fn retry_after_as_seconds_or_date_is_parsed_and_clamped() {
    let in_two_minutes = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(120);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&in_two_minutes).unwrap();
    for (value, seconds) in [("30", 30..=30), ("0", 1..=1), ("86400", 600..=600), (date.as_str(), 115..=120)] {
        let reply = Reply::Answer(503, vec![("retry-after", value.into())], String::new());
        let error = Server::start([reply]).await.client().get_batch("batches/abc").await.unwrap_err();
        let after = error.retry_after().unwrap();
        assert!(seconds.contains(&after.as_secs()), "{value}: {after:?}");
    }
    let reply = Reply::Answer(503, vec![("retry-after", "soon".into())], String::new());
    assert_eq!(Server::start([reply]).await.client().get_batch("batches/abc").await.unwrap_err().retry_after(), None);
}

#[tokio::test]
async fn retry_delay_is_the_longer_of_header_and_body() {
    for (header, seconds) in [("5", 31), ("40", 40)] {
        let body = envelope(429, "RESOURCE_EXHAUSTED", "Slow down", json!([delay("31s")]));
        let reply = Reply::Answer(429, vec![("retry-after", header.into())], body);
        let error = Server::start([reply]).await.client().get_batch("batches/abc").await.unwrap_err();
        assert_eq!(error.retry_after(), after(Some(seconds)));
    }
}

#[tokio::test]
async fn api_key_is_in_no_error_and_no_debug_output() {
    let echo =
        envelope(400, "INVALID_ARGUMENT", "bad request: ?key=AIza-secret-key", json!([{"key": "AIza-secret-key"}]));
    let server = Server::start([Reply::json(400, echo)]).await;
    let client = server.client();
    let error = client.get_batch("batches/abc").await.unwrap_err();
    let shown = format!("{error} {error:?} {client:?} {:?}", Config::new("http://x", "AIza-secret-key"));
    assert!(!shown.contains("AIza-secret-key"), "{shown}");
    assert_eq!(server.requests()[0].header("x-goog-api-key"), Some("AIza-secret-key"));
    assert_eq!(server.requests()[0].path, "/v1beta/batches/abc", "the key is not in the path");
    assert_eq!(client.key_fingerprint().len(), 12);
    assert_ne!(client.key_fingerprint(), Client::new(Config::new("http://x", "other")).unwrap().key_fingerprint());
}

#[tokio::test]
async fn configuration_or_name_invalid_is_rejected_without_a_request() {
    for (url, key) in
        [("not a url", "k"), ("ftp://x", "k"), ("http://x?key=1", "k"), ("http://x", ""), ("http://x", "a\nb")]
    {
        assert_eq!(Client::new(Config::new(url, key)).unwrap_err().kind, ErrorKind::Rejected, "{url} {key}");
    }
    let client = client("http://127.0.0.1:9");
    for name in ["", "abc", "files/", "files/a/b", "files/../models", "files/a?x=1", "files/a:download", "batches/abc"]
    {
        assert_eq!(client.get_file(name).await.unwrap_err().kind, ErrorKind::Rejected, "{name}");
    }
    assert_eq!(client.get_model("a/../b").await.unwrap_err().kind, ErrorKind::Rejected);
}

proptest! {
    /// No body causes a panic. The delay is between 1 s and 10 min, and the message has a bounded length.
    #[test]
    fn any_error_body_is_parsed_without_panic(http in 300_u16..600, hint in ".{0,40}", body in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let mut headers = HeaderMap::new();
        if let Ok(value) = hint.parse() {
            headers.insert("retry-after", value);
        }
        check(http, &headers, &body)?;
    }

    #[test]
    fn any_error_envelope_is_parsed_without_panic(http in 300_u16..600, message in ".{0,2000}", status in ".{0,30}", seconds in any::<f64>(), junk in ".{0,30}") {
        let details = json!([{"retryDelay": format!("{seconds}s")}, {"violations": [{"quotaId": junk}, 3]}, {"reason": junk}, 7]);
        check(http, &HeaderMap::new(), envelope(http, &status, &message, details).as_bytes())?;
    }
}

fn check(http: u16, headers: &HeaderMap, body: &[u8]) -> Result<(), TestCaseError> {
    let status = http::StatusCode::from_u16(http).unwrap();
    let error = Error::from_response(status, headers, body, jiff::Timestamp::UNIX_EPOCH);
    let after = error.retry_after().unwrap_or(Duration::from_secs(1));
    prop_assert!((Duration::from_secs(1)..=Duration::from_secs(600)).contains(&after));
    prop_assert!(error.message.chars().count() <= 501);
    Ok(())
}
