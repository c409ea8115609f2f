//! The types and rules that server and browser share: page ranges, prices, states, errors.
//!
//! Both sides use the same rules, so the banner shows the price that the server charges. Nothing here does I/O, reads a clock or knows
//! a database. [`wire`] holds everything that crosses the wire.

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
mod scope;
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
pub use pages::{PageRangeError, PageSet, notation};
pub use price::{Pricing, Quote, TokenUsage, count_words, limit_words, size_words};
pub use scope::{Scope, Scopes};
pub use sign_in::SignInProblem;
pub use time::UnixMs;
