//! From a file to pages of Markdown: taking files in, text mode, and what is common to both AI modes.
//!
//! [`Incoming`] says whether a file may come, [`Receiver`] brings it to disk, [`Intake`] opens and measures it. [`text_pages`] is text mode. [`Recipe`] says how a page is
//! put to Gemini, for batch and realtime alike, [`outcome_of`] what its answer is worth, and [`PageFigures`] puts figures into it.
//! [`EngineShares`] says what an account may take of the page engine. Jobs, which use these, are in [`crate::batch`].

mod fence;
mod figures;
mod incoming;
mod intake;
mod kind;
mod outcome;
mod placeholder;
mod plain;
mod prompt;
mod receive;
mod recipe;
mod shares;
mod text;
mod text_limit;

pub use figures::PageFigures;
pub use incoming::{DiskProbe, DiskSpace, Incoming, IncomingLimits, UploadPermit};
pub use intake::Intake;
pub use outcome::{line_failure, outcome_of};
pub use receive::{ReceivedFile, Receiver};
pub use recipe::Recipe;
pub use shares::{EngineShare, EngineShares, engine_time_used_up, no_worker};
pub use text::text_pages;
pub use text_limit::TextLimit;
