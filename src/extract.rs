//! From a file to pages of Markdown: taking files in, text mode, and what is common to both AI modes.
//!
//! [`Receiver`] brings a file to disk, [`Intake`] opens and measures it. [`text_pages`] is text mode. [`Recipe`] says how a page is
//! put to Gemini, for batch and realtime alike, [`outcome_of`] what its answer is worth, and [`PageFigures`] puts figures into it.
//! [`EngineShares`] says what an account may take of the page engine. Jobs, which use these, are in [`crate::batch`].

mod fence;
mod figures;
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

pub use figures::PageFigures;
pub use intake::Intake;
pub use outcome::{line_failure, outcome_of};
pub use receive::{ReceivedFile, Receiver};
pub use recipe::Recipe;
pub use shares::{EngineShare, EngineShares, engine_time_used_up, no_worker};
pub use text::text_pages;
