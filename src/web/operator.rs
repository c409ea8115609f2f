//! Identifies the operator who sent a request. To everybody else, the operator's page and calls do not exist.

use std::ops::Deref;

use axum::http::request::Parts;
use leptos::prelude::{expect_context, use_context};

use super::context::{WebCaller, flash, known_caller, refuse};
use crate::accounts::{Operator, Operators};
use crate::api::ApiState;
use crate::error::{Error, Result};
use crate::model::operator::InvitationRequest;
use crate::model::{ApiError, ErrorCode, Flash, Role};

/// An operator, with the use cases.
pub struct OperatorCaller {
    caller: WebCaller,
    pub rights: Operator,
}

impl Deref for OperatorCaller {
    type Target = WebCaller;

    fn deref(&self) -> &WebCaller {
        &self.caller
    }
}

/// The operator of a server function.
///
/// # Errors
/// `not_found` for everybody else; `unavailable` or `internal` if the database fails.
pub async fn operator() -> Result<OperatorCaller, ApiError> {
    let Some(caller) = known_caller().await? else { return Err(refuse(ApiError::not_found("page").into())) };
    let rights = caller.services.operators.authorize(&caller.account).await.map_err(refuse)?;
    Ok(OperatorCaller { caller, rights })
}

impl OperatorCaller {
    /// The use cases of operators.
    pub fn operators(&self) -> &Operators {
        &self.services.operators
    }

    /// Passes a success on, and has the page say `words`. An error leads back to the page, too.
    ///
    /// # Errors
    /// The public part of the given error.
    pub fn done(&self, result: Result<()>, words: &str) -> Result<(), ApiError> {
        self.answer(result)?;
        flash(&Flash::Done(words.to_owned()))
    }

    /// Has the page show a link once, and returns it for callers with script. `path` is followed by its code.
    ///
    /// # Errors
    /// The public part of the given error.
    pub fn show_link(&self, code: Result<String>, path: &str, name: &str) -> Result<String, ApiError> {
        let code = self.answer(code)?;
        let headers = use_context::<Parts>().map(|parts| parts.headers).unwrap_or_default();
        let url = format!("{}{path}?code={code}", expect_context::<ApiState>().site.origin(&headers));
        flash(&Flash::Link { name: name.to_owned(), url: url.clone() })?;
        Ok(url)
    }
}

/// The quota that an operator typed: tokens, with separators or not, or nothing for the default.
///
/// # Errors
/// `invalid_request` for anything else.
pub fn quota_of(text: &str) -> Result<Option<u64>> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, ',' | '_' | '.')).collect();
    if digits.is_empty() {
        return Ok(None);
    }
    let words = "Enter the quota as a number of tokens, or leave it empty for the default.";
    digits.parse().map(Some).map_err(|_| Error::refused(ErrorCode::InvalidRequest, words))
}

/// What an operator asks of a new invitation.
///
/// # Errors
/// As for [`quota_of`].
pub fn invitation_of(note: String, tokens: &str, days: u32, is_operator: bool) -> Result<InvitationRequest> {
    let role = is_operator.then_some(Role::Operator);
    Ok(InvitationRequest { note, role, quota_tokens: quota_of(tokens)?, days })
}
