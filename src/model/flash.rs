//! The one-time message of a page after a form was sent.

use serde::{Deserialize, Serialize};

use super::ApiError;
use super::wire::NewToken;

/// The outcome of a form. The server function stores it for the page that the form redirects to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flash {
    /// The form succeeded, with this sentence.
    Done(String),
    /// The form failed.
    Failed(ApiError),
    /// A token was created. Its secret is shown only this once.
    Token(NewToken),
    /// A link was made. This is the only time that it is shown.
    Link { name: String, url: String },
}
