//! A document as the REST API's JSON: its summary, then its pages.

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::Source;
use crate::documents::structure::Structure;
use crate::error::{Error, Result};
use crate::model::wire::{DocumentPage, OutlineItem, Page};

/// Writes the document page by page, exactly as a [`Document`](crate::model::wire::Document) is serialized.
///
/// # Errors
/// If pages cannot be loaded, or `out` cannot be written.
pub(crate) async fn write(source: &Source, out: &mut (impl AsyncWrite + Unpin)) -> Result<()> {
    let mut summary = serde_json::to_string(&source.document).map_err(Error::internal)?;
    let outline = OutlineItem::tree(source.structure.outline().iter().cloned());
    let outline = serde_json::to_string(&outline).map_err(Error::internal)?;
    // Removes the closing brace: outline and pages follow as further fields of the object.
    summary.pop();
    out.write_all(format!("{summary},\"outline\":{outline},\"content\":[").as_bytes()).await?;
    let (mut next, mut separator) = (0, "");
    loop {
        let pages = source.pages(next).await?;
        let Some(last) = pages.last() else { break };
        next = last.index + 1;
        for page in pages {
            let page = in_book(page, &source.structure);
            let page = serde_json::to_string(&page).map_err(Error::internal)?;
            out.write_all(format!("{separator}{page}").as_bytes()).await?;
            separator = ",";
        }
    }
    out.write_all(b"]}").await?;
    Ok(())
}

/// A page as the structure of its document has it.
fn in_book(page: Page, structure: &Structure) -> DocumentPage {
    let markdown = structure.applied(page.index, &page.markdown).into_owned();
    let label = structure.label(page.index).map(str::to_owned);
    let check = structure.checks().get(&page.index).copied();
    DocumentPage { page: Page { markdown, ..page }, label, check }
}
