//! From a page to its Markdown: text mode, and what both AI modes have in common.
//!
//! [`text_pages`] is text mode. [`Recipe`] says how a page is put to Gemini, [`outcome_of`] what an answer is worth, and [`PageFigures`] puts
//! figures into it. [`EngineShares`] says what an account may take of the page engine.
//!
//! Nothing here sends a request, stores a page or knows a job. `crate::uploads` takes files in, and `crate::jobs` asks Gemini.

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
