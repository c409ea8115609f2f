//! The JSON of the REST API and of the web app's own calls.

mod account;
mod book;

use serde::{Deserialize, Serialize};

use super::{BlockedReason, ErrorCode, JobStatus, Mode, PageSet, Quote, UnixMs};

pub use account::{
    AccessReport, GuestSummary, IdentitySummary, Me, NewToken, Receipt, SessionSummary, TokenSummary, Usage,
    UsageReport,
};
pub use book::{DocumentPage, OutlineEntry, OutlineItem, PageCheck};

/// What the server knows of a file after opening it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Metadata {
    pub content_type: String,
    pub total_pages: u32,
    pub title: String,
    pub file_name: Option<String>,
    /// In bytes.
    pub file_size: u64,
    pub url: Option<String>,
}

/// A file that is ready to be extracted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Prepared {
    /// The upload's id, until it expires.
    pub hash: String,
    /// The content's id within the account. Its batch is polled under this id.
    pub content_hash: String,
    pub metadata: Metadata,
    /// The pages that an AI mode charges for, 0-based.
    pub uncached_pages: PageSet,
    /// The estimated price of all pages.
    pub estimate: Quote,
    /// Each page's estimated realtime price in token equivalents, 0 for a free page.
    pub page_tokens: Vec<u32>,
}

/// A request to extract a document. Without `pages`, all pages are extracted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Submission {
    pub hash: String,
    #[serde(default)]
    pub title: Option<String>,
    /// 0-based.
    #[serde(default)]
    pub pages: Option<Vec<u32>>,
    pub ai_transform: bool,
    pub batch_mode: bool,
}

/// A request to read the failed pages of a document again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Retry {
    pub batch_mode: bool,
}

/// A request to read pages of a document again, whether or not they were read before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Reread {
    /// 0-based.
    pub pages: Vec<u32>,
    pub batch_mode: bool,
}

/// The response to a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum Submitted {
    Batch(BatchTicket),
    Realtime(RealtimeTicket),
    Document(DocumentTicket),
}

impl Submitted {
    /// Its path in the web app: the batch page of a job, or the document.
    pub fn address(&self) -> String {
        match self {
            Self::Batch(BatchTicket { content_hash, .. }) | Self::Realtime(RealtimeTicket { content_hash, .. }) => {
                format!("/batch/{content_hash}")
            }
            Self::Document(DocumentTicket { id, .. }) => format!("/documents/{id}"),
        }
    }
}

/// A batch job was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct BatchTicket {
    pub content_hash: String,
    pub total_pages: u32,
    /// RFC 3339, UTC.
    pub submitted_at: String,
}

/// A realtime job was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct RealtimeTicket {
    pub extraction_id: String,
    pub content_hash: String,
    pub total_pages: u32,
}

/// The document was created at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct DocumentTicket {
    pub id: String,
    pub title: String,
    /// 0-based.
    pub failed_pages: PageSet,
}

/// Why a job ended without a document: a stable code and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct JobError {
    pub code: String,
    pub message: String,
}

impl JobError {
    /// An error with this code and sentence.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

/// `GET /v1/documents/batch/{content_hash}/status`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct BatchStatus {
    pub status: JobStatus,
    /// RFC 3339, UTC.
    pub submitted_at: String,
    pub total_pages: u32,
    pub document_id: Option<String>,
    pub error: Option<JobError>,
}

/// `GET /v1/documents/extraction/{extraction_id}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ExtractionStatus {
    pub status: JobStatus,
    pub total_pages: u32,
    pub completed_pages: u32,
    /// 0-based.
    pub failed_pages: PageSet,
    pub document_id: Option<String>,
    pub error: Option<JobError>,
}

/// A job as the web app shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    pub id: String,
    pub content_hash: String,
    /// The job's upload. "Try again" submits it once more.
    pub upload_hash: String,
    pub mode: Mode,
    pub title: String,
    pub status: JobStatus,
    pub submitted_at: UnixMs,
    /// The selected pages.
    pub pages: PageSet,
    /// Pages done so far, in realtime mode. A batch has no partial progress.
    pub completed_pages: u32,
    /// Pages that could not be read.
    pub failed_pages: PageSet,
    pub document_id: Option<String>,
    /// The id of the draft, which has the file's own text until the job is done.
    #[serde(default)]
    pub draft_id: String,
    pub error: Option<JobError>,
    /// Google's batch queue was stuck or gave no results, so the pages are read by calls of their own, at the price of a batch.
    pub requeued: bool,
    /// Why the job waits, if it does.
    #[serde(default)]
    pub blocked_by: Option<BlockedReason>,
    /// The job reads pages of a document again. Their former text stays until it is done.
    #[serde(default)]
    pub rereads: bool,
}

impl JobView {
    /// The words of the link to what can be read while the job is active.
    pub const fn reading_words(&self) -> &'static str {
        if self.rereads { "Read the document now" } else { "Read the plain text now" }
    }
}

/// A document in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct DocumentSummary {
    pub id: String,
    pub title: String,
    pub mode: Mode,
    /// The number of pages.
    pub pages: u32,
    pub failed_pages: u32,
    /// In token equivalents.
    pub charged_tokens: u64,
    pub created_at: UnixMs,
    /// The document has only the file's own text until its job is done.
    pub is_draft: bool,
}

/// `GET /v1/documents`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct DocumentList {
    pub documents: Vec<DocumentSummary>,
    /// The `cursor` of the next part of the list; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}

/// One page of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Page {
    /// 0-based index in the source file.
    pub index: u32,
    pub markdown: String,
    /// Why Gemini did not read this page: a sentence for people. The Markdown is then the file's own text, if it has any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<String>,
    /// A remark on this page's text, for example that it was cut short: a sentence for people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

/// `GET /v1/documents/{id}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Document {
    #[serde(flatten)]
    pub summary: DocumentSummary,
    /// The table of contents.
    pub outline: Vec<OutlineItem>,
    pub content: Vec<DocumentPage>,
}

/// The formats of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum ExportFormat {
    /// Markdown.
    #[default]
    Md,
    /// One web page with text and figures.
    Html,
    /// Markdown, with its figures as files beside it.
    Zip,
}

/// The part of a document that the reader asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderRequest {
    /// A place, as the number of pages before it.
    pub from: Option<u32>,
    /// A place, as a page number in the file, from 1.
    pub page: Option<u32>,
    /// A place, as the printed number of a page, such as `xii`. It counts if there is no `page`.
    #[serde(default)]
    pub label: Option<String>,
    /// The search text; empty for no search.
    pub query: String,
    /// Return only the pages, without outline and search results.
    pub pages_only: bool,
}

/// The answer to a request for a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Opened {
    Document(Box<DocumentView>),
    /// The draft's job failed, so there is no document. Holds the job's content hash.
    Job(String),
}

/// The shown part of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentView {
    pub document: DocumentSummary,
    /// The active job for this document.
    pub job: Option<JobView>,
    /// The newest job for this document if it reads pages again, also after its end.
    pub reread: Option<JobView>,
    pub original: Original,
    pub outline: Vec<OutlineEntry>,
    /// How many pages were compared with the file's own text.
    #[serde(default)]
    pub checked_pages: u32,
    /// How many pages have no text to compare with.
    #[serde(default)]
    pub unchecked_pages: u32,
    /// The pages that differ from it, by their index in the file, with their printed numbers.
    #[serde(default)]
    pub worth_checking: Vec<(u32, Option<String>)>,
    pub found: Option<SearchResults>,
    /// All pages, as runs that are fetched together.
    pub spans: Vec<Span>,
    /// The number of pages before the requested span, whose pages are in `pages`.
    pub from: u32,
    pub pages: Vec<PageView>,
}

/// A run of pages: the number of pages before it, and its first and last page number in the file, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub from: u32,
    pub first: u32,
    pub last: u32,
}

/// Whether the original pages of a document can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Original {
    /// The file is text, so it has no page images.
    None,
    Kept,
    /// The file is no longer stored.
    Gone,
}

/// The results of a search in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchResults {
    /// The first hits, at most as many as are shown.
    pub hits: Vec<SearchHit>,
    pub total: u32,
    pub pages: u32,
}

/// One hit of a search, with the text around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchHit {
    /// The page number in the file, from 1.
    pub page: u32,
    /// The printed number of the page, if it differs from its number in the file.
    #[serde(default)]
    pub label: Option<String>,
    /// The title of the chapter or section that the hit is in.
    #[serde(default)]
    pub chapter: Option<String>,
    /// The number of the hit on its page, from 1.
    pub number: u32,
    pub before: String,
    pub found: String,
    pub after: String,
}

/// A page for the reader: its Markdown as sanitized HTML.
#[derive(Clone, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageView {
    pub index: u32,
    /// The printed number of the page, if it differs from its number in the file.
    #[serde(default)]
    pub label: Option<String>,
    #[serde(default)]
    pub check: Option<PageCheck>,
    pub html: String,
    pub failure: Option<String>,
    pub note: Option<String>,
    /// The price of reading it again in realtime, in token equivalents; `None`: that is not offered.
    pub reread_tokens: Option<u64>,
}

/// The beginning of the note on a page that was not read in the usual way.
pub const SECOND_WAY: &str = "Read in a second way";

impl PageView {
    /// Whether the note says only in which way the page was read, so that nothing may be wrong with its text.
    pub fn has_quiet_note(&self) -> bool {
        let rest = self.note.as_deref().and_then(|note| note.strip_prefix(SECOND_WAY));
        rest.is_some_and(|rest| rest.find('.') == rest.len().checked_sub(1))
    }
}

/// The account's jobs and documents, as lists show them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibraryListing {
    /// Active jobs and failed jobs that were not tried again, newest first.
    pub jobs: Vec<JobView>,
    /// Newest first.
    pub documents: Vec<DocumentSummary>,
    /// The cursor of older documents, if there are any.
    pub older: Option<String>,
}

/// `{"error": …}`, the body of every error response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    pub error: super::ApiError,
}

impl JobError {
    /// An error with a code of the API.
    pub fn coded(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code: code.into_str().into(), message: message.into() }
    }
}
