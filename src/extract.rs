//! From a file to pages of Markdown: taking files in, text mode, and what is common to both AI modes.
//!
//! [`Incoming`] says whether a file may come, [`Receiver`] brings it to disk, [`Intake`] opens and measures it. [`text_pages`] is text mode. [`Recipe`] says how a page is
//! put to Gemini, for batch and realtime alike, [`outcome_of`] what its answer is worth, and [`PageFigures`] puts figures into it.
//! [`EngineShares`] says what an account may take of the page engine. Jobs, which use these, are in [`crate::jobs`].

mod fence;
mod figures;
mod outcome;
mod placeholder;
mod plain;
mod prompt;
mod recipe;
mod refusal;
mod shares;
mod text;

pub use figures::PageFigures;
pub use outcome::{PageOutcome, PageResult, line_failure, outcome_of};
pub use recipe::Recipe;
pub use refusal::refusal;
pub use shares::{EngineShare, EngineShares, engine_time_used_up, no_worker};
pub use text::{text_file_pages, text_pages};
