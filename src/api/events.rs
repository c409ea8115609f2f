//! Server-sent events: a page hears that something of its account has changed, and looks again.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::{self, Stream, StreamExt};

use super::ApiState;
use super::auth::{Caller, credential, unauthenticated};
use super::error::Failure;
use super::streams::OpenStream;
use crate::accounts::Identity;
use crate::changes::{News, Watcher};

/// Instead of a content hash: a browser passes over an event without data.
const ANYTHING: &str = "*";
/// Shorter than any proxy's patience with a silent connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Hear of changes, as server-sent events.
///
/// An event `change` comes whenever something may have changed, its data the `content_hash`, or `*` for anything. The first
/// comes at once, since a new stream cannot know what has happened before. The stream ends when its session or token does.
#[utoipa::path(get, path = "/v1/events", tag = "documents",
    responses(
        (status = 200, description = "A stream of events.", body = String, content_type = "text/event-stream"),
        (status = 429, description = "Too many requests, or the account or its network has as many streams open as it may; `Retry-After` says how many seconds to wait.", body = crate::model::wire::ErrorBody)))]
pub(crate) async fn events(
    State(state): State<ApiState>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let credential = credential(&headers, state.site.https()).ok_or_else(unauthenticated)?;
    let listener = Listener {
        watcher: state.changes.watch(&caller.account.id),
        stream: state.streams.open(&caller, &credential)?,
        identity: state.services.identity.clone(),
        credential,
    };
    let begin = stream::once(async { change(ANYTHING) });
    let rest = stream::unfold(listener, |mut listener| async move {
        let content_hash = listener.next().await?;
        Some((change(&content_hash), listener))
    });
    Ok(Sse::new(begin.chain(rest).map(Ok)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// The caller at the other end of a stream.
struct Listener {
    watcher: Watcher,
    stream: OpenStream,
    identity: Identity,
    /// The digest of the credential that the stream was opened with.
    credential: String,
}

impl Listener {
    /// The next content of the account that has changed; [`ANYTHING`] if that is not known. `None`: the stream is to end.
    async fn next(&mut self) -> Option<String> {
        loop {
            let news = tokio::select! {
                () = self.stream.ended() => return None,
                news = self.watcher.next() => news?,
            };
            match news {
                News::Content(content_hash) => return Some(content_hash),
                News::Missed => return Some(ANYTHING.to_owned()),
                News::CredentialsEnded if self.has_ended().await => return None,
                News::CredentialsEnded => {}
            }
        }
    }

    /// A record that cannot be asked is asked again by [`super::streams`].
    async fn has_ended(&self) -> bool {
        let ended = self.identity.ended([self.credential.clone()].into()).await;
        ended.is_ok_and(|ended| !ended.is_empty())
    }
}

fn change(content_hash: &str) -> Event {
    Event::default().event("change").data(content_hash)
}
