//! A document as one file: Markdown, a self-contained web page, or an archive of Markdown and figures.
//!
//! A document is streamed: memory holds some pages and one figure at a time, whatever its length.

mod archive;
mod json;
mod markdown;
mod name;
mod web;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryFutureExt};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio_util::io::ReaderStream;

use super::Library;
use super::structure::Structure;
use crate::accounts::Caller;
use crate::error::{Error, Result};
use crate::markdown::flow::{Flow, Part, with_own_footnotes};
use crate::markdown::{FigureId, shallow};
use crate::model::wire::{DocumentSummary, ExportFormat, Page};

pub use name::content_disposition;

/// Pages that are loaded from the store at once, and held for each open response.
const PAGES_AT_ONCE: u32 = 8;
/// The size of the buffer between the writer and the response.
const BUFFER_BYTES: usize = 64 * 1024;

/// A response body. It ends with an error if it is incomplete, so that no client takes a part for the document.
pub type Body = BoxStream<'static, io::Result<Bytes>>;

/// An exported file, whose body is written as it is read.
pub struct Exported {
    pub file_name: String,
    pub media_type: &'static str,
    pub body: Body,
}

/// The format of an export. A file has the name without its ending.
enum Content {
    File(ExportFormat, String),
    Json,
}

impl Library {
    /// Writes the account's document as a file. `origin` is this server's address, which Markdown puts before the paths of figures.
    ///
    /// # Errors
    /// `not_found` if there is no such document, `unavailable` if its draft is not complete in time. A later error ends the body.
    pub async fn export(&self, caller: &Caller, id: &str, format: ExportFormat, origin: &str) -> Result<Exported> {
        let source = self.source_of(caller, id, origin).await?;
        let stem = name::stem(&source.document.title);
        let (media_type, ending) = match format {
            ExportFormat::Md => ("text/markdown; charset=utf-8", "md"),
            ExportFormat::Html => ("text/html; charset=utf-8", "html"),
            ExportFormat::Zip => ("application/zip", "zip"),
        };
        let file_name = format!("{stem}.{ending}");
        Ok(Exported { file_name, media_type, body: body(source, Content::File(format, stem)) })
    }

    /// Writes the account's document as the JSON of a [`Document`](crate::model::wire::Document).
    ///
    /// # Errors
    /// `not_found` if there is no such document, `unavailable` if its draft is not complete in time. A later error ends the body.
    pub async fn document(&self, caller: &Caller, id: &str) -> Result<Body> {
        Ok(body(self.source_of(caller, id, "").await?, Content::Json))
    }

    async fn source_of(&self, caller: &Caller, id: &str, origin: &str) -> Result<Source> {
        let document = self.completed(caller, id).await?;
        let structure = self.structure(caller, &document).await?;
        Ok(Source { library: self.clone(), caller: caller.clone(), document, structure, origin: origin.to_owned() })
    }
}

/// The body, written by a task that waits while [`BUFFER_BYTES`] are unread.
fn body(source: Source, content: Content) -> Body {
    let (reader, writer) = duplex(BUFFER_BYTES);
    let written = tokio::spawn(write(source, content, writer));
    let end = stream::once(written.map_err(io::Error::other)).filter_map(async |end| match end {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Err(io::Error::other(error))),
        Err(error) => Some(Err(error)),
    });
    ReaderStream::with_capacity(reader, BUFFER_BYTES).chain(end).boxed()
}

async fn write(source: Source, content: Content, mut out: DuplexStream) -> Result<()> {
    let out = &mut out;
    match content {
        Content::Json => json::write(&source, out).await?,
        Content::File(ExportFormat::Md, _) => {
            let origin = source.origin.clone();
            markdown::write(&source, out, move |figure| format!("{origin}{figure}")).await?;
        }
        Content::File(ExportFormat::Html, _) => web::write(&source, out).await?,
        Content::File(ExportFormat::Zip, stem) => archive::write(&source, &stem, out).await?,
    }
    source.check_unchanged().await?;
    Ok(out.shutdown().await?)
}

/// A document and what its writers need.
struct Source {
    library: Library,
    caller: Caller,
    document: DocumentSummary,
    structure: Arc<Structure>,
    origin: String,
}

impl Source {
    /// The document's text from its first page on.
    fn parts(&self) -> Parts<'_> {
        Parts { source: self, next: 0, flow: Some(Flow::default()), ready: VecDeque::new() }
    }

    /// Runs CPU-bound work on the document's text on a blocking thread.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        self.library.renderer.run(&self.caller, work).await
    }

    /// At most [`PAGES_AT_ONCE`] pages, from page `first` of the file on. Empty after the last one.
    async fn pages(&self, first: u32) -> Result<Vec<Page>> {
        self.library.documents.pages(&self.caller.account.id, &self.document.id, first, PAGES_AT_ONCE).await
    }

    /// Fails if the document changed during the export, since the pages may then be of two texts. A job that replaces pages changes the
    /// summary in the same transaction.
    async fn check_unchanged(&self) -> Result<()> {
        let now = self.library.documents.document(&self.caller.account.id, &self.document.id).await?;
        if now.as_ref() == Some(&self.document) {
            return Ok(());
        }
        Err(Error::unavailable("the document changed during its export"))
    }

    /// The picture of a figure, a PNG; `None` if it was deleted.
    async fn picture(&self, figure: &FigureId) -> Result<Option<Vec<u8>>> {
        match self.library.figure(&self.caller.account, figure).await {
            Ok(path) => Ok(Some(tokio::fs::read(path).await?)),
            Err(Error::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The document's pages as one text.
struct Parts<'a> {
    source: &'a Source,
    /// The first page of the file that is not loaded yet.
    next: u32,
    /// `None` once every page is loaded.
    flow: Option<Flow>,
    ready: VecDeque<Part>,
}

impl Parts<'_> {
    async fn next(&mut self) -> Result<Option<Part>> {
        while self.ready.is_empty()
            && let Some(mut flow) = self.flow.take()
        {
            let pages = self.source.pages(self.next).await?;
            let Some(last) = pages.last() else {
                self.ready.extend(flow.finish());
                break;
            };
            self.next = last.index + 1;
            for page in pages {
                let structure = Arc::clone(&self.source.structure);
                let push = move || (flow.push(page.index + 1, &page_text(&page, &structure)), flow);
                let part;
                (part, flow) = self.source.work(push).await?;
                self.ready.extend(part);
            }
            self.flow = Some(flow);
        }
        Ok(self.ready.pop_front())
    }
}

/// A page's text with its note. The text of a failed page says why it was not read, and that what follows is the file's own text.
fn page_text(page: &Page, structure: &Structure) -> String {
    let number = page.index + 1;
    let mut text = with_own_footnotes(&shallow(structure.applied(page.index, &page.markdown)), number);
    if let Some(reason) = &page.failure {
        let words = match text.trim().is_empty() {
            true => format!("Page {number} could not be read."),
            false => format!("Plain text of page {number}: Gemini would not read it."),
        };
        text = format!("> **{words}** {reason}\n\n{text}");
    }
    if let Some(note) = &page.note {
        text.push_str(&format!("\n\n> {note}"));
    }
    text
}
