//! Text mode: the document's own text, page by page, for nothing.

use std::path::Path;

use super::intake::refusal;
use crate::error::Result;
use crate::model::PageSet;
use crate::model::wire::Page;
use crate::pdf::{Engine, PdfError};

const SCAN: &str = "This page is a picture without text of its own. Turn on AI Transform to read it.";
const BROKEN: &str = "This page is damaged and could not be read.";

/// Reads the selected pages of a file. A bad page is a failed page; the rest goes on.
pub async fn text_pages(engine: &Engine, file: &Path, pages: &PageSet) -> Result<Vec<Page>> {
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
