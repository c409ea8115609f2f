//! The words and rules of the product, pure and shared by server and browser.
//!
//! Nothing here does I/O, reads a clock or knows a database: what is decided here is decided the same way in the
//! banner that a person sees and in the service that charges them. Everything that crosses the wire is in [`wire`].

mod access;
mod encoding;
mod ended;
mod error;
mod flash;
mod format;
mod job;
mod limits;
pub mod operator;
mod pages;
mod price;
mod sign_in;
mod time;
pub mod wire;

pub use access::{AccessView, GuestAccess, Role, SignUpMode};
pub use encoding::{hex, percent_encoded};
pub use ended::EndedAccess;
pub use error::{ApiError, ErrorCode};
pub use flash::Flash;
pub use format::{FORMATS, Format, format_of};
pub use job::{BlockedReason, JobStatus, Mode};
pub use limits::{BATCH_AUTO_PAGES, PAGES_MAX, UPLOAD_BYTES_MAX, batch_by_default};
pub use pages::{PageRangeError, PageSet};
pub use price::{Pricing, Quote, TokenUsage, count_words, size_words};
pub use sign_in::SignInProblem;
pub use time::UnixMs;
