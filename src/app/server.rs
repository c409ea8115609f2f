//! The web app's calls to the server. Each passes the caller's account to a use case, which decides what the caller may see.
//!
//! Input is form-encoded, Leptos' default, so that an `ActionForm` works without script. A form is redirected to the page that the
//! function names, or back to its own page, which shows the outcome (`web/context.rs`). [`submit`] takes JSON: an island sends it a
//! structure.
//!
//! # Errors
//! Each call returns the error of its use case. A call that needs an account fails with `unauthenticated` if the browser has none. In the
//! browser, a call without an answer fails with [`server_unavailable`].

pub mod access;
pub mod operator;

use leptos::prelude::*;
use leptos::server_fn::Bytes;
use leptos::server_fn::codec::{Json, JsonEncoding};
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};

use crate::model::wire::{
    AccessReport, ErrorBody, GuestSummary, JobView, LibraryListing, Me, NewToken, Opened, Prepared, ReaderRequest,
    Submission, TokenSummary, UsageReport,
};
use crate::model::{ApiError, EndedAccess, ErrorCode, Mode, Quote};

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    /// The error of a call that did not reach its function.
    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => server_unavailable(),
            _ => Self::new(
                ErrorCode::InvalidRequest,
                "The server did not understand this request. Reload the page and try again.",
            ),
        }
    }

    /// Parses the error of a function, of a layer in front of it such as the rate limits, or of a proxy, which has its own format.
    fn de(data: Bytes) -> Self {
        let refused = |_| serde_json::from_slice::<ErrorBody>(&data).map(|body| body.error);
        serde_json::from_slice(&data).or_else(refused).unwrap_or_else(|_| server_unavailable())
    }
}

/// The error of a call without an answer.
pub fn server_unavailable() -> ApiError {
    let words = "The server cannot be reached. Check your connection and try again. Nothing is lost.";
    ApiError::new(ErrorCode::Unavailable, words)
}

/// Whether this browser has an account already.
#[server(prefix = "/api", endpoint = "known")]
pub async fn known() -> Result<bool, ApiError> {
    Ok(crate::web::known_caller().await?.is_some())
}

/// Creates a guest account if this browser has no account.
#[server(prefix = "/api", endpoint = "start_session")]
pub async fn start_session() -> Result<(), ApiError> {
    crate::web::start_session().await
}

/// Submits a prepared document. Returns the path of its job or document.
#[server(prefix = "/api", endpoint = "submit", input = Json)]
pub async fn submit(wish: Submission) -> Result<String, ApiError> {
    let caller = crate::web::caller().await?;
    caller.answer(caller.services.submissions.submit(&caller, wish).await.map(|submitted| submitted.address()))
}

/// Downloads the file at a link, and prepares it like an upload.
#[server(prefix = "/api", endpoint = "import")]
pub async fn import(url: String) -> Result<Prepared, ApiError> {
    let caller = crate::web::caller().await?;
    caller.answer(caller.services.intake.import(&caller, &url).await)
}

/// Submits the failed pages of a document again. Redirects to the job or document.
#[server(prefix = "/api", endpoint = "retry")]
pub async fn retry(id: String, mode: Mode) -> Result<(), ApiError> {
    let caller = crate::web::caller().await?;
    let submitted = caller.answer(caller.services.submissions.retry(&caller, &id, mode).await)?;
    leptos_axum::redirect(&submitted.address());
    Ok(())
}

/// Reads a page of a document again in realtime. `page` counts from 1. The form is redirected to that page of its document.
#[server(prefix = "/api", endpoint = "reread")]
pub async fn reread(id: String, page: u32) -> Result<(), ApiError> {
    let caller = crate::web::caller().await?;
    let pages = [page.saturating_sub(1)];
    caller.answer(caller.services.submissions.reread(&caller, &id, &pages, Mode::Realtime).await)?;
    crate::web::return_to(&format!("page-{page}"));
    Ok(())
}

/// The price of reading the failed pages of a document again.
#[server(prefix = "/api", endpoint = "retry_quote")]
pub async fn retry_quote(id: String) -> Result<Quote, ApiError> {
    let caller = crate::web::caller().await?;
    caller.answer(caller.services.submissions.retry_quote(&caller.account, &id).await)
}

/// Submits a failed job again, without a new upload. Redirects to the job or document.
#[server(prefix = "/api", endpoint = "try_again")]
pub async fn try_again(content_hash: String, batch: bool) -> Result<(), ApiError> {
    let caller = crate::web::caller().await?;
    let submitted = caller.answer(caller.services.submissions.try_again(&caller, &content_hash, batch).await)?;
    leptos_axum::redirect(&submitted.address());
    Ok(())
}

/// Removes a failed job from the lists.
#[server(prefix = "/api", endpoint = "dismiss_job")]
pub async fn dismiss_job(content_hash: String) -> Result<(), ApiError> {
    let caller = crate::web::caller().await?;
    caller.answer(caller.services.library.dismiss(&caller.account, &content_hash).await)
}

/// The newest job for this content.
#[server(prefix = "/api", endpoint = "fetch_job")]
pub async fn fetch_job(content_hash: String) -> Result<JobView, ApiError> {
    let caller = crate::web::caller().await?;
    caller.answer(caller.services.library.job(&caller.account, &content_hash).await)
}

/// Jobs and documents whose title has these words: the newest, or those older than the cursor `before`. Empty without an account.
#[server(prefix = "/api", endpoint = "fetch_library")]
pub async fn fetch_library(query: String, before: Option<String>) -> Result<LibraryListing, ApiError> {
    let Some(caller) = crate::web::known_caller().await? else { return Ok(LibraryListing::default()) };
    caller.answer(caller.services.library.listing(&caller.account, &query, before).await)
}

/// Quota and receipts; `None` without an account.
#[server(prefix = "/api", endpoint = "fetch_usage")]
pub async fn fetch_usage() -> Result<Option<UsageReport>, ApiError> {
    let Some(caller) = crate::web::known_caller().await? else { return Ok(None) };
    caller.answer(caller.services.quota.usage(&caller.account).await.map(Some))
}

/// The rest of the quota in token equivalents; `None` without an account.
#[server(prefix = "/api", endpoint = "tokens_left")]
pub async fn tokens_left() -> Result<Option<u64>, ApiError> {
    let Some(caller) = crate::web::known_caller().await? else { return Ok(None) };
    caller.answer(caller.services.quota.usage(&caller.account).await.map(|report| Some(report.usage.available_tokens)))
}

/// A document, opened at a place.
#[server(prefix = "/api", endpoint = "open_document")]
pub async fn open_document(id: String, place: ReaderRequest) -> Result<Opened, ApiError> {
    let caller = crate::web::caller().await?;
    caller.answer(caller.services.library.open(&caller, &id, &place).await)
}

/// Deletes a document permanently.
#[server(prefix = "/api", endpoint = "delete_document")]
pub async fn delete_document(id: String) -> Result<(), ApiError> {
    let caller = crate::web::caller().await?;
    caller.answer(caller.services.library.delete(&caller.account, &id).await)?;
    crate::web::say("The document was deleted. Its receipt stays.")
}

/// The account and its tokens; `None` without an account.
#[server(prefix = "/api", endpoint = "fetch_me")]
pub async fn fetch_me() -> Result<Option<(Me, Vec<TokenSummary>)>, ApiError> {
    let Some(caller) = crate::web::known_caller().await? else { return Ok(None) };
    let tokens = caller.answer(caller.services.membership.tokens(&caller.account).await)?;
    let account = caller.caller.account;
    Ok(Some((Me { user_id: account.id, email: account.email }, tokens)))
}

/// Makes this browser's guest a member, with everything it owns. Returns the ended sessions and tokens of the guest.
#[server(prefix = "/api", endpoint = "sign_up")]
pub async fn sign_up(email: String, password: String, invitation: Option<String>) -> Result<EndedAccess, ApiError> {
    crate::web::sign_up(email, password, invitation).await
}

/// Signs this browser in. `bring`: what the browser's guest has made moves into the account.
#[server(prefix = "/api", endpoint = "sign_in")]
pub async fn sign_in(email: String, password: String, #[server(default)] bring: bool) -> Result<(), ApiError> {
    crate::web::sign_in(email, password, bring).await
}

/// What this browser's guest has made; `None` if the browser has no guest, or one that has made nothing.
#[server(prefix = "/api", endpoint = "fetch_guest")]
pub async fn fetch_guest() -> Result<Option<GuestSummary>, ApiError> {
    let Some(caller) = crate::web::known_caller().await?.filter(|caller| caller.account.email.is_none()) else {
        return Ok(None);
    };
    let summary = caller.answer(caller.services.merge.summary(&caller.account.id).await)?;
    Ok(Some(summary).filter(|summary| summary.documents > 0))
}

/// Whether the account is connected to the sign-in provider.
#[server(prefix = "/api", endpoint = "is_connected")]
pub async fn is_connected() -> Result<bool, ApiError> {
    let caller = crate::web::caller().await?;
    caller.answer(caller.services.membership.is_connected(&caller.account).await)
}

/// Whether the account has a password.
#[server(prefix = "/api", endpoint = "has_password")]
pub async fn has_password() -> Result<bool, ApiError> {
    let caller = crate::web::caller().await?;
    caller.answer(caller.services.membership.has_password(&caller.account).await)
}

/// Changes the account's password. All its other sessions and all its tokens end.
#[server(prefix = "/api", endpoint = "change_password")]
pub async fn change_password(current: String, new: String) -> Result<(), ApiError> {
    crate::web::change_password(current, new).await
}

/// Signs this browser out, or every browser of the account.
#[server(prefix = "/api", endpoint = "sign_out")]
pub async fn sign_out(everywhere: bool) -> Result<(), ApiError> {
    crate::web::sign_out(everywhere).await
}

/// Creates an API token. Its secret is only in the answer, or on the page that a form is redirected to. `password`: of an account that has
/// one.
#[server(prefix = "/api", endpoint = "create_token")]
pub async fn create_token(
    name: String,
    #[server(default)] read: bool,
    #[server(default)] submit: bool,
    #[server(default)] account: bool,
    days: u32,
    #[server(default)] password: String,
) -> Result<NewToken, ApiError> {
    let scopes = crate::model::Scopes::chosen(read, submit, account);
    crate::web::create_token(name, scopes, days, password).await
}

/// The sessions and identities of the account, and whether the person has just confirmed to be its owner.
#[server(prefix = "/api", endpoint = "fetch_sessions")]
pub async fn fetch_sessions() -> Result<AccessReport, ApiError> {
    crate::web::access_report().await
}

/// Confirms with the password that the person owns the account.
#[server(prefix = "/api", endpoint = "confirm_password")]
pub async fn confirm_password(#[server(default)] password: String) -> Result<(), ApiError> {
    crate::web::confirm_password(password).await
}

/// Ends one of the account's sessions.
#[server(prefix = "/api", endpoint = "end_session")]
pub async fn end_session(id: String) -> Result<(), ApiError> {
    crate::web::end_session(&id).await
}

/// Disconnects one of the account's identities.
#[server(prefix = "/api", endpoint = "disconnect")]
pub async fn disconnect(id: String, #[server(default)] password: String) -> Result<(), ApiError> {
    crate::web::disconnect(&id, password).await
}

/// Revokes an API token.
#[server(prefix = "/api", endpoint = "revoke_token")]
pub async fn revoke_token(id: String) -> Result<(), ApiError> {
    let caller = crate::web::caller().await?;
    caller.answer(caller.services.membership.revoke_token(&caller.account, &id).await)?;
    crate::web::say("The token was revoked.")
}

/// Deletes the account with everything it owns, permanently. `id`: the account on the page, which must be the caller's. `password`: of an
/// account that has one.
#[server(prefix = "/api", endpoint = "delete_account")]
pub async fn delete_account(id: String, #[server(default)] password: String) -> Result<(), ApiError> {
    crate::web::delete_account(&id, password).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_of_function_layer_or_proxy_is_parsed() {
        let refusal = ApiError::not_found("batch");
        assert_eq!(ApiError::de(refusal.ser()), refusal);
        let of_the_api = serde_json::json!({"error": refusal}).to_string();
        assert_eq!(ApiError::de(of_the_api.into()), refusal);
        assert_eq!(ApiError::de("<h1>502 Bad Gateway</h1>".into()).code, ErrorCode::Unavailable);
    }
}
