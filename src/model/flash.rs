//! What a page says once, after a form without script was sent.

use serde::{Deserialize, Serialize};

use super::ApiError;
use super::wire::NewToken;

/// A server function leaves it for the page that the form is redirected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flash {
    /// It was done.
    Done(String),
    /// It was not done.
    Failed(ApiError),
    /// A token was made. This is the only time that its secret is shown.
    Token(NewToken),
    /// A link was made. This is the only time that it is shown.
    Link { name: String, url: String },
}
