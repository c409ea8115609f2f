//! Large files are sent to the bucket in parts. Parts of a file that was never completed stay there, and are billed, until they are aborted.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use object_store::aws::AmazonS3;
use object_store::multipart::MultipartStore;
use object_store::path::Path as Key;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use object_store::{MultipartUpload, ObjectStoreExt};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::error::{Error, Result};
use crate::model::UnixMs;

/// The size of a part, the least that S3 allows. A smaller file is sent in one request. Sending it counts for the time limit of the answer.
const PART_BYTES: usize = 5 << 20;
/// Parts of one file that are sent at once.
const PARTS_AT_ONCE: usize = 2;
/// An upload that was begun so long ago has no sender any more.
const STALE_MS: i64 = 24 * 3_600_000;
/// How long a listing may take.
const LISTED_WITHIN: Duration = Duration::from_secs(30);

/// Sends a file. If that fails, its parts are aborted. The caller must not cancel it, or they stay.
///
/// # Errors
/// `unavailable` if the bucket or the disk cannot be used.
pub(super) async fn send(store: Arc<AmazonS3>, key: Key, mut file: File) -> Result<()> {
    let first = read_part(&mut file).await?;
    if first.len() < PART_BYTES {
        store.put(&key, first.into()).await.map_err(Error::unavailable)?;
        return Ok(());
    }
    let mut upload = store.put_multipart(&key).await.map_err(Error::unavailable)?;
    let sent = send_parts(&mut *upload, first, file).await;
    if sent.is_err()
        && let Err(error) = upload.abort().await
    {
        tracing::info!(%error, "parts of a file not aborted; a later purge aborts them");
    }
    sent
}

async fn send_parts(upload: &mut dyn MultipartUpload, first: Vec<u8>, mut file: File) -> Result<()> {
    let (mut part, mut sending) = (first, FuturesUnordered::new());
    while !part.is_empty() {
        sending.push(upload.put_part(part.into()));
        if sending.len() == PARTS_AT_ONCE {
            sending.next().await.transpose().map_err(Error::unavailable)?;
        }
        part = read_part(&mut file).await?;
    }
    while let Some(sent) = sending.next().await {
        sent.map_err(Error::unavailable)?;
    }
    upload.complete().await.map_err(Error::unavailable)?;
    Ok(())
}

/// The next part. Only the last one is shorter than [`PART_BYTES`], or empty.
async fn read_part(file: &mut File) -> Result<Vec<u8>> {
    let mut part = Vec::new();
    file.take(PART_BYTES as u64).read_to_end(&mut part).await?;
    Ok(part)
}

/// Aborts the uploads below `folder` that were begun before yesterday: their processes were killed.
///
/// # Errors
/// `unavailable` if the bucket does not answer, or does not permit it.
pub(super) async fn abort_stale(store: &AmazonS3, folder: &Key, now: UnixMs) -> Result<()> {
    // The client has no call for this list
    // (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>, read 2026-11-30).
    let query = SignedUrlOptions::new().with_query([("prefix", folder.as_ref()), ("uploads", "")]);
    let url = store.signed_url_opts(Method::GET, &Key::default(), LISTED_WITHIN, &query).await;
    let answer = reqwest::Client::new().get(url.map_err(Error::internal)?).timeout(LISTED_WITHIN).send().await;
    let answer = answer.and_then(reqwest::Response::error_for_status).map_err(reqwest::Error::without_url);
    let list = answer.map_err(Error::unavailable)?.text().await.map_err(Error::unavailable)?;
    for upload in list.split("<Upload>").skip(1) {
        let [Some(key), Some(id), Some(begun)] = ["Key", "UploadId", "Initiated"].map(|name| element(upload, name))
        else {
            continue;
        };
        let is_stale = begun.parse::<Timestamp>().is_ok_and(|begun| begun.as_millisecond() < now.0 - STALE_MS);
        let key = Key::from(key);
        if is_stale && key.prefix_matches(folder) {
            store.abort_multipart(&key, &id.to_owned()).await.map_err(Error::unavailable)?;
        }
    }
    Ok(())
}

/// The text of an XML element. Keys and ids of uploads have no character that XML escapes.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}
