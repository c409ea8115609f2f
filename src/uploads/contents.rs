//! The files of one content: the upload's file and the images of its figures.

use super::{Blobs, FigurePlaces, figure_ids, figure_key, upload_key};
use crate::error::Result;

/// Deletes the file of a content and the images of these figures.
///
/// # Errors
/// The errors of [`Blobs`].
pub async fn delete_content(
    blobs: &dyn Blobs,
    account_id: &str,
    content_hash: &str,
    figures: &FigurePlaces,
) -> Result<()> {
    for figure in figure_ids(content_hash, figures) {
        blobs.delete(&figure_key(account_id, &figure)).await?;
    }
    blobs.delete(&upload_key(account_id, content_hash)).await
}
