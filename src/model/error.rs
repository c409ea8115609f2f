//! What can go wrong in a way that a person or a program should be told: a stable code and a sentence.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $http:literal;)*) => {
        /// The stable codes of the API, each with the HTTP status that it is answered with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantArray)]
        #[strum(const_into_str)]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $name)] #[strum(serialize = $name)] $variant,)*
        }

        impl ErrorCode {
            /// The HTTP status of an answer with this code.
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$variant => $http,)* }
            }
        }
    };
}

error_codes! {
    /// The request is not what this call takes; the message names the field.
    InvalidRequest = "invalid_request", 400;
    /// No valid session or token came with the request.
    Unauthenticated = "unauthenticated", 401;
    /// The selection costs more than is left; the message has the numbers.
    QuotaExceeded = "quota_exceeded", 402;
    /// The request came from another site.
    CrossSite = "cross_site_request", 403;
    /// This server takes no guests: sign in.
    GuestsNotAllowed = "guests_not_allowed", 403;
    /// Guests of this server can read the plain text only, not use AI.
    GuestsTextOnly = "guests_text_only", 403;
    /// This server lets people sign up with an invitation, at some domains, or not at all; the message says which.
    SignUpNotAllowed = "sign_up_not_allowed", 403;
    /// An operator has disabled the account.
    AccountDisabled = "account_disabled", 403;
    /// There is no such thing, or it belongs to somebody else.
    NotFound = "not_found", 404;
    /// This path is there, but not for this method.
    MethodNotAllowed = "method_not_allowed", 405;
    /// The upload took longer than it may.
    UploadTimeout = "upload_timeout", 408;
    /// The same document is being extracted with other pages.
    BatchInProgress = "batch_in_progress", 409;
    /// A request with this `Idempotency-Key` is being answered at this moment.
    RequestInProgress = "request_in_progress", 409;
    /// The account holds as many documents, files or jobs as it may; the message says which.
    LimitReached = "limit_reached", 409;
    /// There is an account with this e-mail address.
    EmailTaken = "email_taken", 409;
    /// The file of a document is not kept any more, so its pages cannot be shown as they were.
    OriginalGone = "original_gone", 410;
    FileTooLarge = "file_too_large", 413;
    /// The body of a request that is no upload is too large.
    BodyTooLarge = "body_too_large", 413;
    UnsupportedFormat = "unsupported_format", 415;
    /// The `Host` of the request is none of this server's names.
    UnknownHost = "unknown_host", 421;
    BatchRequiresAi = "batch_requires_ai", 422;
    ImageRequiresAi = "image_requires_ai", 422;
    UnreadableDocument = "unreadable_document", 422;
    EncryptedDocument = "encrypted_document", 422;
    TooManyPages = "too_many_pages", 422;
    InvalidPages = "invalid_pages", 422;
    /// This `Idempotency-Key` was used for another request.
    IdempotencyKeyReused = "idempotency_key_reused", 422;
    /// The address is not one that this server fetches: not http(s), not public, or leading to such a one.
    UrlNotAllowed = "url_not_allowed", 422;
    /// There was no file at the address.
    UrlUnreachable = "url_unreachable", 422;
    /// The e-mail address is none, or the password is too short or too common.
    InvalidSignUp = "invalid_sign_up", 422;
    /// A link that invites or that sets a password was used, has expired, or never existed.
    InvalidLink = "invalid_link", 422;
    /// The account asked for more in a short time than it may; `Retry-After` says when to go on.
    TooManyRequests = "too_many_requests", 429;
    /// A fault of ours; the log has the whole of it under the request id.
    Internal = "internal_error", 500;
    /// Something that this service depends on is away; trying again later will work.
    Unavailable = "unavailable", 503;
    /// The server's disk is nearly full: it takes no new files.
    DiskFull = "disk_full", 503;
    /// The server's budget for Gemini is used up for today, or too small for the document.
    SpendingLimit = "spending_limit", 503;
    /// The address took too long to send its file.
    UrlTimeout = "url_timeout", 504;
}

impl ErrorCode {
    /// How many seconds to wait before asking again, where asking again will do.
    pub const fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::RequestInProgress => Some(1),
            Self::Unavailable | Self::TooManyRequests => Some(5),
            Self::DiskFull => Some(60),
            // The budget is whole again at midnight UTC, or as soon as it is raised.
            Self::SpendingLimit => Some(600),
            _ => None,
        }
    }
}

/// An error as every caller gets it: never internals, always something to act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ApiError {
    pub code: ErrorCode,
    pub message: String,
    /// Names the request in the server's log; empty until the answer leaves the server.
    #[serde(default)]
    pub request_id: String,
    /// Seconds to wait before asking again, where this error knows better than its code. Sent as `Retry-After`.
    #[serde(skip)]
    pub retry_after_s: Option<u32>,
}

impl ApiError {
    /// An error with this code and sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), request_id: String::new(), retry_after_s: None }
    }

    /// The same, to be tried again after so many seconds.
    pub fn after(self, seconds: u32) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// How many seconds to wait before asking again, where asking again will do.
    pub fn retry_after_s(&self) -> Option<u32> {
        self.retry_after_s.or(self.code.retry_after_s())
    }

    /// There is no such thing *for this account*: the same answer whether it exists or not.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("There is no such {what}."))
    }
}
