//! A document as the REST API's JSON: its summary, then its pages.

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::Source;
use crate::error::{Error, Result};

/// Writes the document page by page, exactly as a [`Document`](crate::model::wire::Document) is serialized.
///
/// # Errors
/// If pages cannot be loaded, or `out` cannot be written.
pub(crate) async fn write(source: &Source, out: &mut (impl AsyncWrite + Unpin)) -> Result<()> {
    let mut summary = serde_json::to_string(&source.document).map_err(Error::internal)?;
    // Removes the closing brace: the pages follow as one more field of the object.
    summary.pop();
    out.write_all(format!("{summary},\"content\":[").as_bytes()).await?;
    let (mut next, mut separator) = (0, "");
    loop {
        let pages = source.pages(next).await?;
        let Some(last) = pages.last() else { break };
        next = last.index + 1;
        for page in &pages {
            let page = serde_json::to_string(page).map_err(Error::internal)?;
            out.write_all(format!("{separator}{page}").as_bytes()).await?;
            separator = ",";
        }
    }
    out.write_all(b"]}").await?;
    Ok(())
}
