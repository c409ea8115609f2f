//! From a file to pages of Markdown: taking files in, text mode, and what is common to both AI modes.
//!
//! [`Intake`] opens and measures a file. [`text_pages`] is text mode. [`Recipe`] says how a page is put to Gemini, for batch and
//! realtime alike, [`outcome_of`] what its answer is worth, and [`PageFigures`] puts figures into it. Jobs, which use these, are in [`crate::batch`].

mod figures;
mod intake;
mod kind;
mod outcome;
mod plain;
mod prompt;
mod recipe;
mod text;

pub use figures::PageFigures;
pub use intake::{Intake, ReceivedFile};
pub use outcome::{line_failure, outcome_of};
pub use recipe::Recipe;
pub use text::text_pages;
