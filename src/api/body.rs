//! Size limits of request bodies, and a reader for forms whose memory use is bounded.
//!
//! The form parser `multer` buffers all input that it has not handed out, and polls its source until that is pending. So [`FormBody`] gives
//! it small pieces, and fails when a form has too much besides content.

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

/// The limit of a body that is no upload. JSON bodies are small.
const BODY_BYTES_MAX: u64 = 256 * 1024;
/// The allowed size of a form besides its file: boundaries, part headers and other fields.
const FORM_BYTES_MAX: u64 = 64 * 1024;
/// The most bytes that a form may have between two pieces of content.
const OVERHEAD_BYTES_MAX: usize = 16 * 1024;
/// The size of the pieces for the parser. It may get three of them before it hands out content.
const PIECE_BYTES: usize = 4 * 1024;
/// How much of a refused body is still read, so that its sender can receive the response.
const DISCARDED_BYTES_MAX: usize = 8 * 1024 * 1024;
const DISCARDED_WITHIN: Duration = Duration::from_secs(10);

/// Refuses a body that declares a size above the limit, and ends one that exceeds the limit while it is read.
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

/// The error for a body that is larger than its route allows.
pub(crate) fn too_large() -> Error {
    let message = format!("The body of this request is too large; the limit is {}.", size_words(BODY_BYTES_MAX));
    Error::refused(ErrorCode::BodyTooLarge, message)
}

/// The declared length of a body in bytes. `None` if the body is chunked.
pub(crate) fn length_of(headers: &HeaderMap) -> Option<u64> {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    Some(length.unwrap_or(0))
}

/// Whether the sender waits for `100 Continue` before it sends the body.
fn expects_continue(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
}

/// Reads the rest of a refused body for a while. A sender whose connection is closed while it sends never gets the response.
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

/// The body of a form, as a stream for the parser. Clones share it.
#[derive(Clone)]
pub(crate) struct FormBody(Arc<Mutex<PartialForm>>);

struct PartialForm {
    body: BodyDataStream,
    /// Bytes that were read but not yet given to the parser.
    rest: Bytes,
    /// Whether the parser got a piece and has not yet had a chance to parse it.
    has_given: bool,
    /// Bytes given to the parser since it last handed out content.
    overhead_bytes: usize,
    expects_continue: bool,
}

/// The form has too many bytes besides content.
#[derive(Debug, thiserror::Error)]
#[error("the form has more than {OVERHEAD_BYTES_MAX} bytes without content")]
struct TooMuchOverhead;

impl FormBody {
    /// Replaces the body of a request with this stream.
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

    /// Resets the count of overhead: the parser has handed out content.
    pub(crate) fn content_received(&self) {
        self.reading().overhead_bytes = 0;
    }

    /// Whether the form failed because it had too many bytes besides content.
    pub(crate) fn is_overhead(&self) -> bool {
        self.reading().overhead_bytes > OVERHEAD_BYTES_MAX
    }

    /// Reads the rest of the body for a while after the response.
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
        // The parser polls until its source is pending, and parses only then. So every second poll is pending.
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
