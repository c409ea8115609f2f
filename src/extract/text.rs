//! Text mode: the file's own text, page by page. It is free.

use std::path::Path;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};

use super::plain;
use super::refusal;
use crate::error::{Error, Result};
use crate::model::wire::Page;
use crate::model::{Format, PageSet};
use coldbrew_pdf::{Engine, PageText, PdfError, Priority, Requester};

const SCAN: &str = "This page is a picture. Read it with AI to get its text.";
const MOSTLY_SCAN: &str = "Most of this page is a picture. Read it with AI to get all of its text.";
/// A scan with fewer visible characters has a stamp or a page number. A scan with more was recognised before.
const SCAN_CHARS_MIN: u32 = 200;

/// Streams the selected pages of a file of that format, in order. A damaged page is a failed page and does not stop the others.
///
/// # Errors
/// Those of [`refusal`], if the file cannot be opened or the engine fails.
pub async fn text_pages<'a>(
    engine: &Engine,
    file: &Path,
    format: &Format,
    pages: &'a PageSet,
    priority: Priority,
    requester: &Requester,
) -> Result<BoxStream<'a, Result<Page>>> {
    if format.has_pages {
        return pdf_pages(engine, file, pages, priority, requester).await;
    }
    let all = text_file_pages(file, format).await?;
    let page = |(index, markdown)| Page { index, markdown, failure: None, note: None };
    Ok(stream::iter((0..).zip(all).filter(|(index, _)| pages.contains(*index)).map(page).map(Ok)).boxed())
}

/// All pages of a text file.
///
/// # Errors
/// `unavailable` if the file cannot be read.
pub async fn text_file_pages(file: &Path, format: &Format) -> Result<Vec<String>> {
    let text = tokio::fs::read_to_string(file).await?;
    let is_markdown = format.mime == "text/markdown";
    tokio::task::spawn_blocking(move || plain::pages(&text, is_markdown)).await.map_err(Error::internal)
}

async fn pdf_pages<'a>(
    engine: &Engine,
    file: &Path,
    pages: &'a PageSet,
    priority: Priority,
    requester: &Requester,
) -> Result<BoxStream<'a, Result<Page>>> {
    let document = Arc::new(engine.open(file, priority, requester).await.map_err(refusal)?);
    // One more than there are workers, so that no worker waits until the consumer takes a page.
    let at_once = document.widen() + 1;
    let read = move |index| {
        let document = Arc::clone(&document);
        async move { page(index, document.text(index).await) }
    };
    Ok(stream::iter(pages.iter()).map(read).buffered(at_once).boxed())
}

fn page(index: u32, text: Result<PageText, PdfError>) -> Result<Page> {
    let (markdown, failure, note) = match text {
        Ok(PageText { markdown, is_scan: true, .. }) if markdown.trim().is_empty() => {
            (markdown, Some(SCAN.to_owned()), None)
        }
        Ok(PageText { markdown, is_scan, chars_visible, .. }) => {
            let note = (is_scan && chars_visible < SCAN_CHARS_MIN).then_some(MOSTLY_SCAN);
            (markdown, None, note.map(str::to_owned))
        }
        Err(PdfError::Page { reason, .. }) => (String::new(), Some(reason.sentence()), None),
        Err(error) => return Err(refusal(error)),
    };
    Ok(Page { index, markdown, failure, note })
}
