//! Uploads of small files in one request: `multipart/related` with a JSON part and a media part, or only media.

use axum::body::{Body, to_bytes};
use bytes::Bytes;

use crate::reply::ApiError;

const BYTES_MAX: usize = 100 << 20;

/// The media type and bytes of a file.
pub(super) struct Media {
    pub mime_type: String,
    pub bytes: Bytes,
}

pub(super) async fn media(mime_type: String, body: Body) -> Result<Media, ApiError> {
    let bytes =
        to_bytes(body, BYTES_MAX).await.map_err(|_| ApiError::invalid("The body is too large or broke off."))?;
    Ok(Media { mime_type, bytes })
}

/// The JSON and the media of a `multipart/related` body.
pub(super) async fn read(content_type: &str, body: Body) -> Result<(Bytes, Media), ApiError> {
    let malformed = || ApiError::invalid("The multipart body is malformed.");
    let boundary =
        content_type.split(';').find_map(|item| item.trim().strip_prefix("boundary=")).ok_or_else(malformed)?;
    let delimiter = format!("--{}", boundary.trim_matches('"'));
    let body = media(String::new(), body).await?.bytes;
    let mut parts = split(&body, delimiter.as_bytes()).into_iter();
    let (metadata, media) = parts.next().zip(parts.next()).ok_or_else(malformed)?;
    let (_, json) = part(&body, metadata).ok_or_else(malformed)?;
    let (mime_type, bytes) = part(&body, media).ok_or_else(malformed)?;
    Ok((json, Media { mime_type, bytes }))
}

/// The positions of the parts with their headers: everything between two delimiters.
fn split(body: &[u8], delimiter: &[u8]) -> Vec<(usize, usize)> {
    let mut starts = Vec::new();
    let mut from = 0;
    while let Some(at) = find(&body[from..], delimiter) {
        starts.push((from + at, from + at + delimiter.len()));
        from += at + delimiter.len();
    }
    starts.windows(2).map(|pair| (pair[0].1, pair[1].0)).collect()
}

/// The media type and the content of a part.
fn part(body: &Bytes, (start, end): (usize, usize)) -> Option<(String, Bytes)> {
    let whole = &body[start..end];
    let blank = find(whole, b"\r\n\r\n")?;
    let headers = String::from_utf8_lossy(&whole[..blank]).to_ascii_lowercase();
    let mime_type =
        headers.lines().find_map(|line| line.strip_prefix("content-type:")).unwrap_or_default().trim().to_owned();
    let end = if whole.ends_with(b"\r\n") { end - 2 } else { end };
    let start = start + blank + 4;
    (start <= end).then(|| (mime_type, body.slice(start..end)))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
