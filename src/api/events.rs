//! Server-sent events: a page hears that something of its account has changed, and looks again.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::{self, Stream, StreamExt};

use super::ApiState;
use super::auth::Caller;
use crate::changes::{News, Watcher};

/// Instead of a content hash: a browser passes over an event without data.
const ANYTHING: &str = "*";
/// Shorter than any proxy's patience with a silent connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Hear of changes, as server-sent events.
///
/// An event `change` comes whenever something may have changed, its data the `content_hash`, or `*` for anything. The first
/// comes at once: whoever connects, for the first time or again, cannot know what has happened meanwhile.
#[utoipa::path(get, path = "/v1/events", tag = "documents",
    responses((status = 200, description = "A stream that does not end.", body = String, content_type = "text/event-stream")))]
pub async fn events(
    State(state): State<ApiState>,
    Caller { account, .. }: Caller,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let begin = stream::once(async { change(ANYTHING) });
    let rest = stream::unfold((state.changes.watch(), account.id), |(mut watcher, account_id)| async move {
        let content_hash = next_of(&mut watcher, &account_id).await?;
        Some((change(&content_hash), (watcher, account_id)))
    });
    Sse::new(begin.chain(rest).map(Ok)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// The next content of this account that has changed; [`ANYTHING`] if that is not known, `None` when the server stops.
async fn next_of(watcher: &mut Watcher, account_id: &str) -> Option<String> {
    loop {
        match watcher.next().await? {
            News::Missed => return Some(ANYTHING.to_owned()),
            News::Change(change) if change.account_id == account_id => return Some(change.content_hash),
            News::Change(_) => {}
        }
    }
}

fn change(content_hash: &str) -> Event {
    Event::default().event("change").data(content_hash)
}
