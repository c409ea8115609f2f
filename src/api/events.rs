//! Server-sent events: they tell a page that something of its account has changed, so that it fetches the new state.

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

/// Sent when the changed content is unknown. Clients ignore events without data
/// (<https://doc.akka.io/api/akka-http/10.1/akka/http/javadsl/model/sse/index.html>, read 2026-11-30).
const ANYTHING: &str = "*";
/// Shorter than the usual idle timeouts of proxies.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Subscribe to changes, as server-sent events.
///
/// The event `change` means that something may have changed. Its data is the `content_hash`, or `*` for any content. The first event is
/// sent immediately, because earlier changes are unknown. The stream ends when its session or token ends.
#[utoipa::path(get, path = "/v1/events", tag = "documents",
    responses(
        (status = 200, description = "A stream of events.", body = String, content_type = "text/event-stream"),
        (status = 429, description = "Too many requests or streams. Wait `Retry-After` seconds.", body = crate::model::wire::ErrorBody)))]
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

/// The state of one event stream.
struct Listener {
    watcher: Watcher,
    stream: OpenStream,
    identity: Identity,
    /// The digest of the credential that opened the stream.
    credential: String,
}

impl Listener {
    /// The next content of the account that has changed, or [`ANYTHING`] if it is unknown. `None` if the stream must end.
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

    /// If the database does not answer, [`super::streams`] checks again later.
    async fn has_ended(&self) -> bool {
        let ended = self.identity.ended([self.credential.clone()].into()).await;
        ended.is_ok_and(|ended| !ended.is_empty())
    }
}

fn change(content_hash: &str) -> Event {
    Event::default().event("change").data(content_hash)
}
