//! The document as the REST API gives it: what is known of it, then its pages one after the other.

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::Source;
use crate::error::{Error, Result};

/// Writes the document page by page, exactly as a [`Document`](crate::model::wire::Document) is serialized.
pub(crate) async fn write(source: &Source, out: &mut (impl AsyncWrite + Unpin)) -> Result<()> {
    let mut summary = serde_json::to_string(&source.document).map_err(Error::internal)?;
    // The pages follow as one more field of the same object.
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
