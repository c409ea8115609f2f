//! The web app's calls to the server. Each hands over to a use case; what it may see is decided by who is calling.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, JsonEncoding};
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};

use crate::model::wire::{DocumentSummary, JobView, OutlineEntry, PageView, Shelf, Submission, UsageReport};
use crate::model::{ApiError, ErrorCode, Mode};

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    /// Faults of the call itself: the server could not be reached, or did not understand.
    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => Self::new(
                ErrorCode::Unavailable,
                "The server cannot be reached. Check your connection; nothing is lost.",
            ),
            _ => Self::new(
                ErrorCode::InvalidRequest,
                "The server did not understand this page. Reload it and try again.",
            ),
        }
    }
}

/// Whether this browser has an account already.
#[server(prefix = "/api", endpoint = "known", input = Json)]
pub async fn known() -> Result<bool, ApiError> {
    Ok(crate::api::web::known_caller().await?.is_some())
}

/// Makes sure that this browser has an account to put things in; a guest's, if it had none.
#[server(prefix = "/api", endpoint = "start_session", input = Json)]
pub async fn start_session() -> Result<(), ApiError> {
    crate::api::web::start_session().await
}

/// Extracts a prepared document; says where it is to be followed.
#[server(prefix = "/api", endpoint = "submit", input = Json)]
pub async fn submit(wish: Submission) -> Result<String, ApiError> {
    let caller = crate::api::web::caller().await?;
    caller.answer(caller.services.submissions.submit(&caller.account, wish).await.map(|submitted| submitted.address()))
}

/// Extracts the failed pages of a document again; says where it is to be followed.
#[server(prefix = "/api", endpoint = "retry", input = Json)]
pub async fn retry(id: String, mode: Mode) -> Result<String, ApiError> {
    let caller = crate::api::web::caller().await?;
    let submitted = caller.services.submissions.retry(&caller.account, &id, mode).await;
    caller.answer(submitted.map(|submitted| submitted.address()))
}

/// Submits a failed job once more, without uploading again; says where it is to be followed.
#[server(prefix = "/api", endpoint = "try_again", input = Json)]
pub async fn try_again(content_hash: String, batch: bool) -> Result<String, ApiError> {
    let caller = crate::api::web::caller().await?;
    let submitted = caller.services.try_again(&caller.account, &content_hash, batch).await;
    caller.answer(submitted.map(|submitted| submitted.address()))
}

/// Takes a failed job off the lists.
#[server(prefix = "/api", endpoint = "dismiss_job", input = Json)]
pub async fn dismiss_job(content_hash: String) -> Result<(), ApiError> {
    let caller = crate::api::web::caller().await?;
    caller.answer(caller.services.dismiss(&caller.account, &content_hash).await)
}

/// The newest job for this content.
#[server(prefix = "/api", endpoint = "fetch_job", input = Json)]
pub async fn fetch_job(content_hash: String) -> Result<JobView, ApiError> {
    let caller = crate::api::web::caller().await?;
    caller.answer(caller.services.job(&caller.account, &content_hash).await)
}

/// Everything that lists show whose title has these words; nothing for a browser without an account.
#[server(prefix = "/api", endpoint = "fetch_shelf", input = Json)]
pub async fn fetch_shelf(query: String) -> Result<Shelf, ApiError> {
    let Some(caller) = crate::api::web::known_caller().await? else { return Ok(Shelf::default()) };
    caller.answer(caller.services.library.shelf(&caller.account, &query).await)
}

/// Quota and receipts; `None` for a browser without an account.
#[server(prefix = "/api", endpoint = "fetch_usage", input = Json)]
pub async fn fetch_usage() -> Result<Option<UsageReport>, ApiError> {
    let Some(caller) = crate::api::web::known_caller().await? else { return Ok(None) };
    caller.answer(caller.services.usage(&caller.account).await.map(Some))
}

/// What is left of the quota, in token equivalents; `None` for a browser without an account.
#[server(prefix = "/api", endpoint = "tokens_left", input = Json)]
pub async fn tokens_left() -> Result<Option<u64>, ApiError> {
    let Some(caller) = crate::api::web::known_caller().await? else { return Ok(None) };
    caller.answer(caller.services.usage(&caller.account).await.map(|report| Some(report.usage.available_tokens)))
}

/// What is known of a document without its pages.
#[server(prefix = "/api", endpoint = "fetch_document", input = Json)]
pub async fn fetch_document(id: String) -> Result<DocumentSummary, ApiError> {
    let caller = crate::api::web::caller().await?;
    caller.answer(caller.services.library.summary(&caller.account, &id).await)
}

/// The next pages of a document, from its `skip`th on.
#[server(prefix = "/api", endpoint = "fetch_pages", input = Json)]
pub async fn fetch_pages(id: String, skip: u32) -> Result<Vec<PageView>, ApiError> {
    let caller = crate::api::web::caller().await?;
    caller.answer(caller.services.library.page_views(&caller.account, &id, skip).await)
}

/// A document's headings.
#[server(prefix = "/api", endpoint = "fetch_outline", input = Json)]
pub async fn fetch_outline(id: String) -> Result<Vec<OutlineEntry>, ApiError> {
    let caller = crate::api::web::caller().await?;
    caller.answer(caller.services.library.outline(&caller.account, &id).await)
}

/// Deletes a document for good.
#[server(prefix = "/api", endpoint = "delete_document", input = Json)]
pub async fn delete_document(id: String) -> Result<(), ApiError> {
    let caller = crate::api::web::caller().await?;
    caller.answer(caller.services.library.delete(&caller.account, &id).await)
}
