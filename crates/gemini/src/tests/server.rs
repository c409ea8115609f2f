//! A server that answers with what it is told, in order, and remembers what it was asked.

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

/// What to answer.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// Status, headers, body. `{url}` in a header stands for the server's own address.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The connection ends without an answer.
    HangUp,
    /// The head and some of the body come, then the connection ends.
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

    /// What opens an upload.
    pub(super) fn session() -> Self {
        let url = ("x-goog-upload-url", "{url}/session?upload_id=secret-session".into());
        Self::Answer(200, vec![url, ("x-goog-upload-status", "active".into())], String::new())
    }

    /// What answers a chunk or a query.
    pub(super) fn upload(status: &str, received: Option<u64>, body: impl ToString) -> Self {
        let mut headers = vec![("x-goog-upload-status", status.into())];
        headers.extend(received.map(|bytes| ("x-goog-upload-size-received", bytes.to_string())));
        Self::Answer(200, headers, body.to_string())
    }
}

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub method: String,
    /// With the query.
    pub path: String,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl Asked {
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
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers the requests with `replies`, one each, and all further ones with 418.
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            replies: Arc::new(Mutex::new(replies.into_iter().collect())),
            asked: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Method and path of all requests.
    pub(super) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect()
    }

    pub(super) fn client(&self) -> Client {
        client(&self.url)
    }
}

/// A client that does not wait long for anything.
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
    let asked = Asked { method: parts.method.to_string(), path, headers: parts.headers, body };
    server.asked.lock().unwrap().push(asked);
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
                // Lets what came before reach the client.
                tokio::task::yield_now().await;
                Err(std::io::Error::other("break off"))
            });
            Body::from_stream(stream::iter([Ok(Bytes::from_static(start.as_bytes()))]).chain(broken)).into_response()
        }
    }
}
