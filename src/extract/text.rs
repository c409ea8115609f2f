//! Text mode: the document's own text, page by page, for nothing.

use std::path::Path;

use super::intake::refusal;
use super::plain;
use crate::error::Result;
use crate::model::wire::Page;
use crate::model::{Format, PageSet};
use crate::pdf::{Engine, PdfError};

const SCAN: &str = "This page is a picture without text of its own. Turn on AI Transform to read it.";
const BROKEN: &str = "This page is damaged and could not be read.";

/// Reads the selected pages of a file of that format. A bad page is a failed page; the rest goes on.
pub async fn text_pages(engine: &Engine, file: &Path, format: &Format, pages: &PageSet) -> Result<Vec<Page>> {
    if format.has_pages {
        return pdf_pages(engine, file, pages).await;
    }
    let all = text_file_pages(file, format).await?;
    let page = |(index, markdown)| Page { index, markdown, failure: None, note: None };
    Ok((0..).zip(all).filter(|(index, _)| pages.contains(*index)).map(page).collect())
}

/// All pages of a text file.
pub(super) async fn text_file_pages(file: &Path, format: &Format) -> Result<Vec<String>> {
    let text = tokio::fs::read_to_string(file).await?;
    Ok(plain::pages(&text, format.mime == "text/markdown"))
}

async fn pdf_pages(engine: &Engine, file: &Path, pages: &PageSet) -> Result<Vec<Page>> {
    let document = engine.open(file).await.map_err(refusal)?;
    let mut read = Vec::with_capacity(pages.len());
    for index in pages.iter() {
        let (markdown, failure) = match document.text(index).await {
            Ok(text) if text.is_scan && text.markdown.trim().is_empty() => (String::new(), Some(SCAN.to_owned())),
            Ok(text) => (text.markdown, None),
            Err(PdfError::Page { .. }) => (String::new(), Some(BROKEN.to_owned())),
            Err(error) => return Err(refusal(error)),
        };
        read.push(Page { index, markdown, failure, note: None });
    }
    Ok(read)
}
