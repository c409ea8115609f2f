//! A server that sends scripted replies in order and records the requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use http::StatusCode;
use serde_json::Value;

use crate::{Client, Config};

/// A scripted reply.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// Status, headers and body. `{url}` in a header is replaced by the URL of the server.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The connection ends without a reply.
    HangUp,
    /// The connection ends after the headers and this part of the body.
    BreakOff(&'static str),
}

impl Reply {
    pub(super) fn json(status: u16, body: impl ToString) -> Self {
        Self::Answer(status, vec![("content-type", "application/json".into())], body.to_string())
    }

    pub(super) fn ok(body: impl ToString) -> Self {
        Self::json(200, body)
    }

    pub(super) fn html(status: u16) -> Self {
        let body = "<!DOCTYPE html><title>Error</title><p><b>That's an error.</b>".into();
        Self::Answer(status, vec![("content-type", "text/html".into())], body)
    }

    /// The reply to the start of an upload.
    pub(super) fn session() -> Self {
        let url = ("x-goog-upload-url", "{url}/session?upload_id=secret-session".into());
        Self::Answer(200, vec![url, ("x-goog-upload-status", "active".into())], String::new())
    }

    /// The reply to a chunk or a query.
    pub(super) fn upload(status: &str, received: Option<u64>, body: impl ToString) -> Self {
        let mut headers = vec![("x-goog-upload-status", status.into())];
        headers.extend(received.map(|bytes| ("x-goog-upload-size-received", bytes.to_string())));
        Self::Answer(200, headers, body.to_string())
    }
}

/// A recorded request.
#[derive(Clone, Debug)]
pub(super) struct RecordedRequest {
    pub method: String,
    /// The path with its query.
    pub path: String,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl RecordedRequest {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Clone)]
pub(super) struct Server {
    pub url: String,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    requests: Arc<Mutex<Vec<RecordedRequest>>>,
}

impl Server {
    /// Sends one of `replies` for each request, and 418 for all further requests.
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            replies: Arc::new(Mutex::new(replies.into_iter().collect())),
            requests: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// The method and path of each request.
    pub(super) fn lines(&self) -> Vec<String> {
        self.requests().iter().map(|sent| format!("{} {}", sent.method, sent.path)).collect()
    }

    pub(super) fn client(&self) -> Client {
        client(&self.url)
    }
}

/// A client with short waits.
pub(super) fn client(url: &str) -> Client {
    let mut config = Config::new(url, "AIza-secret-key");
    config.timeouts.backoff = Duration::from_millis(1);
    config.timeouts.idle = Duration::from_secs(2);
    Client::new(config).unwrap()
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let path = parts.uri.path_and_query().unwrap().to_string();
    let recorded = RecordedRequest { method: parts.method.to_string(), path, headers: parts.headers, body };
    server.requests.lock().unwrap().push(recorded);
    let reply = server.replies.lock().unwrap().pop_front();
    match reply.unwrap_or(Reply::Answer(418, Vec::new(), "no more replies".into())) {
        Reply::Answer(status, headers, body) => {
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.replace("{url}", &server.url).parse().unwrap());
            }
            response
        }
        Reply::HangUp => std::panic::resume_unwind(Box::new("hang up")),
        Reply::BreakOff(start) => {
            let broken = stream::once(async {
                // Lets the first bytes reach the client before the error.
                tokio::task::yield_now().await;
                Err(std::io::Error::other("break off"))
            });
            Body::from_stream(stream::iter([Ok(Bytes::from_static(start.as_bytes()))]).chain(broken)).into_response()
        }
    }
}
