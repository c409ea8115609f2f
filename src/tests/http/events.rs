//! Event streams: which changes they carry, and their end when the server stops.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestServer, refused};

/// A client of the event stream.
pub struct Listener(Response);

impl Listener {
    pub async fn of(client: &TestClient) -> Self {
        Self::to(client.send(Method::GET, "/v1/events", None).await)
    }

    pub fn to(answer: Response) -> Self {
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self(answer)
    }

    /// The data of the next `change` event, or `None` if the stream has ended.
    pub async fn next(&mut self) -> Option<String> {
        let mut text = String::new();
        while !text.ends_with("\n\n") {
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.0.chunk()).await.unwrap().unwrap()?;
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        let data = text.strip_prefix("event: change\ndata:").unwrap_or_else(|| panic!("{text}"));
        Some(data.trim().to_owned())
    }
}

#[tokio::test]
async fn event_stream_has_changes_of_its_own_account_only() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let (mine, theirs) = (server.guest().await, server.guest().await);
    let prepared = mine.upload_pages(1).await;
    let mut events = Listener::of(&mine).await;
    assert_eq!(events.next().await.unwrap(), "*", "a new stream starts with an event for any content");

    let other = theirs.upload_pages(1).await;
    assert_eq!(theirs.submit(&other, false, false).await.status(), StatusCode::CREATED);
    assert_eq!(mine.submit(&prepared, false, false).await.status(), StatusCode::CREATED);
    assert_eq!(events.next().await.unwrap(), prepared["content_hash"].as_str().unwrap());
}

#[tokio::test]
async fn batch_sends_events_until_it_ends() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let prepared = guest.upload_pages(2).await;
    let mut events = Listener::of(&guest).await;
    assert_eq!(guest.submit(&prepared, true, true).await.status(), StatusCode::ACCEPTED);
    let path = format!("/v1/documents/batch/{}/status", prepared["content_hash"].as_str().unwrap());
    // Polling only after events is enough to see the end.
    while events.next().await.is_some() {
        if guest.send(Method::GET, &path, None).await.text().await.unwrap().contains("SUCCEEDED") {
            return;
        }
    }
    panic!("the stream ended first");
}

#[tokio::test]
async fn event_stream_needs_an_account_and_ends_when_the_server_stops() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let answer = reqwest::get(format!("{}/v1/events", server.base_url)).await.unwrap();
    refused(answer, 401, "unauthenticated").await;
    let mut events = Listener::of(&server.guest().await).await;
    events.next().await.unwrap();
    server.stop().await;
    assert_eq!(events.next().await, None);
}
