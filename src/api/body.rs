//! Bodies of requests: how large they may be, and how a form is read so that memory stays flat.
//!
//! `multer`, which parses forms, keeps everything that it was given and has not handed out, and takes whatever is ready. So
//! [`FormBody`] gives it little at a time, and fails when too much of that was no content.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::RequestExt;
use axum::body::{Body, BodyDataStream};
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::ApiState;
use super::upload;
use crate::error::{Error, Result};
use crate::model::{ErrorCode, size_words};

/// A JSON body is a few numbers and names; only uploads are larger.
const BODY_BYTES_MAX: u64 = 256 * 1024;
/// What a form has beside its file: boundaries, headers of its parts, other fields.
const FORM_BYTES_MAX: u64 = 64 * 1024;
/// What a form may have between two pieces of content.
const OVERHEAD_BYTES_MAX: usize = 16 * 1024;
/// What the parser is given at a time. It may be given three before it hands out content.
const PIECE_BYTES: usize = 4 * 1024;
/// What is read of a body that is not wanted, so that its sender hears why.
const DISCARDED_BYTES_MAX: usize = 8 * 1024 * 1024;
const DISCARDED_WITHIN: Duration = Duration::from_secs(10);

/// Refuses a body that says that it is too large before it is read, and ends one that turns out to be.
///
/// # Errors
/// `body_too_large`, or `file_too_large` for an upload.
pub(crate) fn limit(state: &ApiState, mut request: Request) -> Result<Request> {
    let is_upload = request.uri().path() == upload::PATH;
    let file_bytes_max = state.services.intake.receiver.bytes_max;
    let bytes_max = if is_upload { file_bytes_max.saturating_add(FORM_BYTES_MAX) } else { BODY_BYTES_MAX };
    if length_of(request.headers()).is_some_and(|length| length > bytes_max) {
        let waits = expects_continue(request.headers());
        drain(request.into_body(), waits);
        return Err(if is_upload { state.services.intake.receiver.too_large() } else { too_large() });
    }
    DefaultBodyLimit::max(usize::try_from(bytes_max).unwrap_or(usize::MAX)).apply(&mut request);
    Ok(request.with_limited_body())
}

/// The refusal of a body that is larger than its call takes.
pub(crate) fn too_large() -> Error {
    let words = format!("The body of this request is too large; at most {} are accepted.", size_words(BODY_BYTES_MAX));
    Error::refused(ErrorCode::BodyTooLarge, words)
}

/// The length of a body in bytes; `None`: it is not known before it has ended.
pub(crate) fn length_of(headers: &HeaderMap) -> Option<u64> {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    Some(length.unwrap_or(0))
}

/// Whether the sender waits for `100 Continue` with the body.
fn expects_continue(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
}

/// Reads on behind an answer for a while: a sender that is cut off in the middle never gets the answer.
fn drain(body: Body, expects_continue: bool) {
    if !expects_continue {
        tokio::spawn(tokio::time::timeout(DISCARDED_WITHIN, discard(body.into_data_stream())));
    }
}

async fn discard(mut chunks: impl Stream<Item = Result<Bytes, axum::Error>> + Unpin) {
    let mut left = DISCARDED_BYTES_MAX;
    while let (1.., Some(Ok(chunk))) = (left, chunks.next().await) {
        left = left.saturating_sub(chunk.len());
    }
}

/// The body of a form on its way to the parser. Clones share it.
#[derive(Clone)]
pub(crate) struct FormBody(Arc<Mutex<PartialForm>>);

struct PartialForm {
    body: BodyDataStream,
    /// What was read and not given to the parser.
    rest: Bytes,
    /// The parser was given a piece, and has had no chance to use it.
    has_given: bool,
    /// What the parser was given since it handed out content.
    overhead_bytes: usize,
    expects_continue: bool,
}

/// The parser was given too much that is no content.
#[derive(Debug, thiserror::Error)]
#[error("the form has more than {OVERHEAD_BYTES_MAX} bytes without content")]
struct TooMuchOverhead;

impl FormBody {
    /// Takes a request's body away, and leaves itself in its place.
    pub(crate) fn of(request: Request) -> (Request, Self) {
        let expects_continue = expects_continue(request.headers());
        let (parts, body) = request.into_parts();
        let reading = PartialForm {
            body: body.into_data_stream(),
            rest: Bytes::new(),
            has_given: false,
            overhead_bytes: 0,
            expects_continue,
        };
        let form = Self(Arc::new(Mutex::new(reading)));
        (Request::from_parts(parts, Body::from_stream(form.clone())), form)
    }

    /// The parser handed out content.
    pub(crate) fn content_received(&self) {
        self.reading().overhead_bytes = 0;
    }

    /// Whether it failed because too much of it was no content.
    pub(crate) fn is_overhead(&self) -> bool {
        self.reading().overhead_bytes > OVERHEAD_BYTES_MAX
    }

    /// Reads on behind the answer for a while.
    pub(crate) fn drain(&self) {
        let mut reading = self.reading();
        let body = std::mem::replace(&mut reading.body, Body::empty().into_data_stream());
        drain(Body::from_stream(body), reading.expects_continue);
    }

    fn reading(&self) -> MutexGuard<'_, PartialForm> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream for FormBody {
    type Item = Result<Bytes, axum::BoxError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let reading = &mut *self.reading();
        // The parser takes pieces until there is none, and only then looks at them.
        if std::mem::take(&mut reading.has_given) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if reading.rest.is_empty() {
            match ready!(reading.body.poll_next_unpin(cx)) {
                Some(Ok(chunk)) => reading.rest = chunk,
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => return Poll::Ready(None),
            }
        }
        let piece = reading.rest.split_to(reading.rest.len().min(PIECE_BYTES));
        reading.overhead_bytes += piece.len();
        if reading.overhead_bytes > OVERHEAD_BYTES_MAX {
            return Poll::Ready(Some(Err(TooMuchOverhead.into())));
        }
        reading.has_given = true;
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
