//! A document as one file to keep: Markdown, a web page that needs nothing else, or an archive of Markdown and figures.
//!
//! A document is written as it is read: some pages and one figure are held at a time, however long it is.

mod archive;
mod markdown;
mod name;
mod web;

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryFutureExt};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio_util::io::ReaderStream;

use super::Library;
use super::figures::FigureName;
use super::flow::{Flow, Part, with_own_footnotes};
use super::markdown::shallow;
use crate::accounts::Caller;
use crate::error::{Error, Result};
use crate::model::wire::{DocumentSummary, ExportFormat, Page};
use crate::store::Account;

pub use name::content_disposition;

/// Pages that are read from the store at once.
const PAGES_AT_ONCE: u32 = 100;
/// What may be written before somebody has to read it.
const AHEAD_BYTES: usize = 64 * 1024;

/// A file under way to whoever asked for it.
pub struct Exported {
    pub file_name: String,
    pub media_type: &'static str,
    /// Ends with an error if it could not be written whole: half a document must not pass for one.
    pub body: BoxStream<'static, io::Result<Bytes>>,
}

impl Library {
    /// Writes the account's document as a file. `origin` is this server's address, by which Markdown names figures.
    ///
    /// # Errors
    /// If there is no such document; what goes wrong later ends the body.
    pub async fn export(&self, caller: &Caller, id: &str, format: ExportFormat, origin: &str) -> Result<Exported> {
        let (document, account) = (self.whole(caller, id).await?, &caller.account);
        let stem = name::stem(&document.title);
        let source = Source { library: self.clone(), account: account.clone(), document, origin: origin.to_owned() };
        let (reader, writer) = duplex(AHEAD_BYTES);
        let (media_type, ending) = match format {
            ExportFormat::Md => ("text/markdown; charset=utf-8", "md"),
            ExportFormat::Html => ("text/html; charset=utf-8", "html"),
            ExportFormat::Zip => ("application/zip", "zip"),
        };
        let written = tokio::spawn(write(source, format, stem.clone(), writer));
        let end = stream::once(written.map_err(io::Error::other)).filter_map(async |end| match end {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Err(io::Error::other(error))),
            Err(error) => Some(Err(error)),
        });
        let body = ReaderStream::with_capacity(reader, AHEAD_BYTES).chain(end).boxed();
        Ok(Exported { file_name: format!("{stem}.{ending}"), media_type, body })
    }
}

async fn write(source: Source, format: ExportFormat, stem: String, mut out: DuplexStream) -> Result<()> {
    match format {
        ExportFormat::Md => {
            let origin = source.origin.clone();
            markdown::write(&source, &mut out, move |picture| format!("{origin}{}", picture.path)).await?;
        }
        ExportFormat::Html => web::write(&source, &mut out).await?,
        ExportFormat::Zip => archive::write(&source, &stem, &mut out).await?,
    }
    source.check_edition().await?;
    Ok(out.shutdown().await?)
}

/// A document and what it needs to be written.
struct Source {
    library: Library,
    account: Account,
    document: DocumentSummary,
    origin: String,
}

impl Source {
    /// The document's text from its first page on.
    fn parts(&self) -> Parts<'_> {
        Parts { source: self, next: 0, flow: Some(Flow::default()), ready: VecDeque::new() }
    }

    /// Does work on the document's text beside the event loop.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        self.library.renderer.run(&self.account.id, work).await
    }

    /// Fails if the document is not what it was at the beginning, since what was read in between may be of two texts: a job that
    /// puts pages in their places changes what is known of the document in the same transaction.
    async fn check_edition(&self) -> Result<()> {
        let now = self.library.documents.document(&self.account.id, &self.document.id).await?;
        if now.as_ref() == Some(&self.document) {
            return Ok(());
        }
        Err(Error::unavailable("the document became another one while it was written"))
    }

    /// The picture of a figure, as it was cut out; `None` if it is not there any more.
    async fn picture(&self, name: FigureName<'_>) -> Result<Option<Vec<u8>>> {
        match self.library.figure(&self.account, name.content_hash, name.page, name.figure).await {
            Ok(path) => Ok(Some(tokio::fs::read(path).await?)),
            Err(Error::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Reads a document's pages as one text.
struct Parts<'a> {
    source: &'a Source,
    /// The first page of the file that was not read yet.
    next: u32,
    /// `None` once every page is read.
    flow: Option<Flow>,
    ready: VecDeque<Part>,
}

impl Parts<'_> {
    async fn next(&mut self) -> Result<Option<Part>> {
        while self.ready.is_empty()
            && let Some(mut flow) = self.flow.take()
        {
            let Source { library, account, document, .. } = self.source;
            let pages = library.documents.pages(&account.id, &document.id, self.next, PAGES_AT_ONCE).await?;
            let Some(last) = pages.last() else {
                self.ready.extend(flow.finish());
                break;
            };
            self.next = last.index + 1;
            for page in pages {
                let push = move || (flow.push(page.index + 1, &told(&page)), flow);
                let part;
                (part, flow) = self.source.work(push).await?;
                self.ready.extend(part);
            }
            self.flow = Some(flow);
        }
        Ok(self.ready.pop_front())
    }
}

/// A page's text with what a reader should know of it: a page that could not be read says so in its place.
fn told(page: &Page) -> String {
    let number = page.index + 1;
    let mut text = with_own_footnotes(&shallow(page.markdown.as_str().into()), number);
    if let Some(reason) = &page.failure {
        text = format!("> **Page {number} could not be read.** {reason}\n\n{text}");
    }
    if let Some(note) = &page.note {
        text.push_str(&format!("\n\n> {note}"));
    }
    text
}
