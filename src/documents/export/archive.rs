//! A ZIP archive: the text as Markdown, and the figures that it shows.

use async_zip::base::write::ZipFileWriter;
use async_zip::error::ZipError;
use async_zip::{Compression, ZipEntryBuilder};
use tokio::io::AsyncWrite;
use tokio_util::compat::{FuturesAsyncWriteCompatExt, TokioAsyncWriteCompatExt};

use super::{Source, markdown};
use crate::error::{Error, Result};
use crate::markdown::FigureId;

/// Writes the text as `{stem}.md`, then each figure.
///
/// # Errors
/// If the document or a figure cannot be loaded, or `out` cannot be written.
pub(crate) async fn write(source: &Source, stem: &str, out: &mut (impl AsyncWrite + Unpin)) -> Result<()> {
    let mut archive = ZipFileWriter::new(out.compat_write());
    let text = ZipEntryBuilder::new(format!("{stem}.md").into(), Compression::Deflate);
    let mut entry = archive.write_entry_stream(text).await.map_err(unwritten)?.compat_write();
    let figures = markdown::write(source, &mut entry, FigureId::archive_name).await?;
    entry.into_inner().close().await.map_err(unwritten)?;
    for figure in figures {
        let Some(png) = source.picture(&figure).await? else { continue };
        // A PNG is compressed already.
        let entry = ZipEntryBuilder::new(figure.archive_name().into(), Compression::Stored);
        archive.write_entry_whole(entry, &png).await.map_err(unwritten)?;
    }
    archive.close().await.map_err(unwritten)?;
    Ok(())
}

fn unwritten(error: ZipError) -> Error {
    Error::internal(error)
}
