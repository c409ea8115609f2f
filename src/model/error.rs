//! Errors for callers: a stable code for programs and a sentence for people.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $http:literal;)*) => {
        /// The stable error codes of the API, each with its HTTP status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantArray)]
        #[strum(const_into_str)]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $name)] #[strum(serialize = $name)] $variant,)*
        }

        impl ErrorCode {
            /// The HTTP status of a response with this code.
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$variant => $http,)* }
            }
        }
    };
}

error_codes! {
    /// The request does not fit this call. The message names the field.
    InvalidRequest = "invalid_request", 400;
    /// The request has no valid session or token.
    Unauthenticated = "unauthenticated", 401;
    /// The selection costs more tokens than the account has left. The message has the numbers.
    QuotaExceeded = "quota_exceeded", 402;
    /// The request came from another site.
    CrossSite = "cross_site_request", 403;
    /// The token lacks a scope that this call needs. The message names it.
    InsufficientScope = "insufficient_scope", 403;
    /// The call needs the account's password, or a sign-in a few minutes ago.
    ConfirmationRequired = "confirmation_required", 403;
    /// This server takes no guests: sign in.
    GuestsNotAllowed = "guests_not_allowed", 403;
    /// Guests of this server can read the plain text only, not use AI.
    GuestsTextOnly = "guests_text_only", 403;
    /// This server lets people sign up with an invitation, at some domains, or not at all; the message says which.
    SignUpNotAllowed = "sign_up_not_allowed", 403;
    /// An operator has disabled the account.
    AccountDisabled = "account_disabled", 403;
    /// The thing does not exist, or it belongs to another account.
    NotFound = "not_found", 404;
    /// The path exists, but not for this method.
    MethodNotAllowed = "method_not_allowed", 405;
    /// The upload took longer than the limit.
    UploadTimeout = "upload_timeout", 408;
    /// The account has an active job for the same document with other pages.
    BatchInProgress = "batch_in_progress", 409;
    /// The first request with this `Idempotency-Key` is still running.
    RequestInProgress = "request_in_progress", 409;
    /// The account has reached its limit of documents, files or jobs. The message says which.
    LimitReached = "limit_reached", 409;
    /// Another account has this e-mail address.
    EmailTaken = "email_taken", 409;
    /// The document's file is no longer stored, so its original pages cannot be shown.
    OriginalGone = "original_gone", 410;
    FileTooLarge = "file_too_large", 413;
    /// The body is too large. Uploads get `file_too_large` instead.
    BodyTooLarge = "body_too_large", 413;
    UnsupportedFormat = "unsupported_format", 415;
    /// The request's `Host` is not a name of this server.
    UnknownHost = "unknown_host", 421;
    BatchRequiresAi = "batch_requires_ai", 422;
    ImageRequiresAi = "image_requires_ai", 422;
    UnreadableDocument = "unreadable_document", 422;
    EncryptedDocument = "encrypted_document", 422;
    TooManyPages = "too_many_pages", 422;
    InvalidPages = "invalid_pages", 422;
    /// The `Idempotency-Key` belongs to a different request.
    IdempotencyKeyReused = "idempotency_key_reused", 422;
    /// The server does not fetch this address: it is not http(s), not public, or it redirects to such an address.
    UrlNotAllowed = "url_not_allowed", 422;
    /// The address gave no file.
    UrlUnreachable = "url_unreachable", 422;
    /// The e-mail address is invalid, or the password is too short or too common.
    InvalidSignUp = "invalid_sign_up", 422;
    /// A link that invites or that sets a password was used, has expired, or never existed.
    InvalidLink = "invalid_link", 422;
    /// The account or its network exceeded a rate limit. `Retry-After` says how long to wait.
    TooManyRequests = "too_many_requests", 429;
    /// A fault of the server. Its log has the cause under the request id.
    Internal = "internal_error", 500;
    /// A dependency of the server does not answer. The request can be retried later.
    Unavailable = "unavailable", 503;
    /// The server's disk is nearly full, so it accepts no new files.
    DiskFull = "disk_full", 503;
    /// The server's daily budget for Gemini is used up, or too small for the document.
    SpendingLimit = "spending_limit", 503;
    /// The host took too long to send the file.
    UrlTimeout = "url_timeout", 504;
}

impl ErrorCode {
    /// Seconds to wait before a retry; `None` if a retry does not help.
    pub const fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::RequestInProgress => Some(1),
            Self::Unavailable | Self::TooManyRequests => Some(5),
            Self::DiskFull => Some(60),
            // The budget is renewed at midnight UTC, and earlier if the operator raises it.
            Self::SpendingLimit => Some(600),
            _ => None,
        }
    }
}

/// An error as callers get it. It has a sentence that a person can act on, and no internals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ApiError {
    pub code: ErrorCode,
    pub message: String,
    /// The request's id in the server's log. Empty until the response leaves the server.
    #[serde(default)]
    pub request_id: String,
    /// Seconds to wait before a retry, sent as `Retry-After`. Overrides the code's default.
    #[serde(skip)]
    pub retry_after_s: Option<u32>,
}

impl ApiError {
    /// An error with this code and sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), request_id: String::new(), retry_after_s: None }
    }

    /// The same error with this `Retry-After`, in seconds.
    pub fn after(self, seconds: u32) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// Seconds to wait before a retry: this error's own, or else its code's.
    pub fn retry_after_s(&self) -> Option<u32> {
        self.retry_after_s.or(self.code.retry_after_s())
    }

    /// The thing does not exist for this account. Another account's thing gets the same error.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("There is no such {what}."))
    }
}
