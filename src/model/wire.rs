//! What crosses the wire: the JSON of the REST API and of the web app's own calls.

use serde::{Deserialize, Serialize};

use super::{BlockedReason, ErrorCode, JobStatus, Mode, PageSet, Quote, UnixMs};

/// What is known of a file once it has been opened.
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
    /// Names this upload until it expires.
    pub hash: String,
    /// Names this content within the account: where its batch can be remote.
    pub content_hash: String,
    pub metadata: Metadata,
    /// 0-based pages that an AI mode would have to pay for.
    pub uncached_pages: PageSet,
    /// The price of all pages.
    pub estimate: Quote,
    /// Each page's realtime price in token equivalents, 0 where it is free: the banner prices selections itself.
    pub page_tokens: Vec<u32>,
}

/// What a person asks to be extracted. Without `pages`, all of them.
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

/// How the failed pages of a document are to be read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Retry {
    pub batch_mode: bool,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum Submitted {
    Batch(BatchTicket),
    Realtime(RealtimeTicket),
    Document(DocumentTicket),
}

impl Submitted {
    /// Where in the web app it can be remote or read.
    pub fn address(&self) -> String {
        match self {
            Self::Batch(BatchTicket { content_hash, .. }) | Self::Realtime(RealtimeTicket { content_hash, .. }) => {
                format!("/batch/{content_hash}")
            }
            Self::Document(DocumentTicket { id, .. }) => format!("/documents/{id}"),
        }
    }
}

/// A batch was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct BatchTicket {
    pub content_hash: String,
    pub total_pages: u32,
    /// RFC 3339, UTC.
    pub submitted_at: String,
}

/// A realtime extraction was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct RealtimeTicket {
    pub extraction_id: String,
    pub content_hash: String,
    pub total_pages: u32,
}

/// A document was made at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct DocumentTicket {
    pub id: String,
    pub title: String,
    /// 0-based.
    pub failed_pages: PageSet,
}

/// Why a job ended without a document: a stable code, and a sentence for a person.
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
    /// The upload it was made from: what trying again submits.
    pub upload_hash: String,
    pub mode: Mode,
    pub title: String,
    pub status: JobStatus,
    pub submitted_at: UnixMs,
    /// The pages that it was asked for.
    pub pages: PageSet,
    /// Pages done so far; meaningful in realtime mode only, since a batch is all or nothing.
    pub completed_pages: u32,
    /// Pages that could not be read.
    pub failed_pages: PageSet,
    pub document_id: Option<String>,
    /// Where that document's plain text can be read meanwhile.
    #[serde(default)]
    pub draft_id: String,
    pub error: Option<JobError>,
    /// Google left the first attempt waiting for a day, so it was put back in line.
    pub requeued: bool,
    /// What it waits for just now, if anything is in its way.
    #[serde(default)]
    pub blocked_by: Option<BlockedReason>,
}

/// A document in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct DocumentSummary {
    pub id: String,
    pub title: String,
    pub mode: Mode,
    /// How many pages the document has.
    pub pages: u32,
    pub failed_pages: u32,
    /// In token equivalents.
    pub charged_tokens: u64,
    pub created_at: UnixMs,
    /// This is the plain text, to be read until the job that fills the document is done.
    pub is_draft: bool,
}

/// `GET /v1/documents`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct DocumentList {
    pub documents: Vec<DocumentSummary>,
    /// Give it as `cursor` to get what follows; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}

/// One page of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Page {
    /// 0-based place in the source file.
    pub index: u32,
    pub markdown: String,
    /// Why this page has no text, in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<String>,
    /// What a reader should know of this page's text, in words: it was cut short, say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

/// `GET /v1/documents/{id}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Document {
    #[serde(flatten)]
    pub summary: DocumentSummary,
    pub content: Vec<Page>,
}

/// What a document can be exported as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum ExportFormat {
    /// Markdown.
    #[default]
    Md,
    /// One web page with everything in it.
    Html,
    /// Markdown and the figures beside it.
    Zip,
}

/// What of a document the reader is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderRequest {
    /// How many pages come before it,
    pub from: Option<u32>,
    /// or the number of a page of the file, from 1.
    pub page: Option<u32>,
    /// What is searched for.
    pub query: String,
    /// Only the pages: all else is there already.
    pub pages_only: bool,
}

/// What the reader shows when it is asked for a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Opened {
    Document(Box<DocumentView>),
    /// There is no document, because the job that was to fill it did not. It says why under its content hash.
    Job(String),
}

/// A document as far as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentView {
    pub document: DocumentSummary,
    /// The job that is at work on the document.
    pub job: Option<JobView>,
    pub original: Original,
    pub outline: Vec<OutlineEntry>,
    pub found: Option<SearchResults>,
    /// All pages, in the runs that are fetched together.
    pub spans: Vec<Span>,
    /// The pages of the span that was asked for, and how many come before it.
    pub from: u32,
    pub pages: Vec<PageView>,
}

/// A run of pages by the numbers of its first and last page in the file, from 1, and how many pages of the document come before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub from: u32,
    pub first: u32,
    pub last: u32,
}

/// Whether a document's pages can be seen as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Original {
    /// Its file had no pages to look at.
    None,
    Kept,
    /// The file is not there any more.
    Gone,
}

/// Where a document has what was searched for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchResults {
    /// The first of them.
    pub hits: Vec<SearchHit>,
    pub total: u32,
    pub pages: u32,
}

/// One place that has what was searched for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchHit {
    /// The page's number in the file, from 1.
    pub page: u32,
    /// Counts the hits on its page from 1.
    pub number: u32,
    pub before: String,
    pub found: String,
    pub after: String,
}

/// A page as the reader shows it: its Markdown as safe HTML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageView {
    pub index: u32,
    pub html: String,
    pub failure: Option<String>,
    pub note: Option<String>,
}

/// A heading of a document, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutlineEntry {
    pub text: String,
    /// 1 is the highest.
    pub rank: u8,
    /// 0-based index of its page in the source file.
    pub page: u32,
    /// The heading's anchor.
    pub id: String,
}

/// What an account has of its quota, in token equivalents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Usage {
    pub quota_tokens: u64,
    pub used_tokens: u64,
    pub reserved_tokens: u64,
    pub available_tokens: u64,
}

/// What one document cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Receipt {
    pub title: String,
    pub mode: Mode,
    pub pages: u32,
    pub input_tokens: u64,
    /// Output and thoughts.
    pub output_tokens: u64,
    pub charged_tokens: u64,
    /// The model that was asked.
    pub model: String,
    /// Models that answered in its place, as they named themselves.
    pub answered_by: Vec<String>,
    pub created_at: UnixMs,
}

/// `GET /v1/users/me/usage`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct UsageReport {
    #[serde(flatten)]
    pub usage: Usage,
    pub receipts: Vec<Receipt>,
}

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Me {
    pub user_id: String,
    /// Of somebody who signed up; a guest has none.
    pub email: Option<String>,
}

/// A token as its owner sees it again: without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct TokenSummary {
    pub id: String,
    pub name: String,
    pub created_at: UnixMs,
    pub expires_at: UnixMs,
}

/// A token that was just made. Its secret is shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct NewToken {
    pub name: String,
    pub token: String,
}

/// Everything of an account that a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibraryListing {
    /// Jobs that are not done, newest first, and those that failed and were not tried again.
    pub jobs: Vec<JobView>,
    /// Newest first.
    pub documents: Vec<DocumentSummary>,
    /// Where those begin that are older than these, if there are any.
    pub older: Option<String>,
}

/// `{"error": …}`, the body of every refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    pub error: super::ApiError,
}

impl JobError {
    /// The error of a job that ended for a reason the API has a code for.
    pub fn coded(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code: code.into_str().into(), message: message.into() }
    }
}
