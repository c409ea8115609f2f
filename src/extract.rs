//! From a page to its Markdown: text mode, and the common parts of both AI modes.
//!
//! [`text_pages`] is text mode. [`Recipe`] builds the request for a page, [`outcome_of`] reads the answer, and [`PageFigures`] puts figures
//! into it. [`EngineShares`] limits how much of the page engine an account can use.
//!
//! Nothing here sends a request, stores a page or knows a job. `crate::uploads` receives files, and `crate::jobs` sends requests to Gemini.

mod fence;
mod figures;
mod judge;
mod ladder;
mod outcome;
mod own_page;
mod placeholder;
mod plain;
mod prompt;
mod recipe;
mod refusal;
mod shares;
mod text;

pub use figures::PageFigures;
pub use judge::{PageFacts, Verdict, WordCounts, check, judge, judge_error};
pub use ladder::{Attempt, Way, WayOptions, next_way};
pub use outcome::{Judged, PageOutcome, PageResult, failure_reason, line_failure, outcome_of};
pub use own_page::{OwnPage, PageTraits};
pub use prompt::PagePrompt;
pub use recipe::{PageImage, PageRequest, Recipe};
pub use refusal::refusal;
pub use shares::{EngineShare, EngineShares, engine_time_used_up, no_worker};
pub use text::{text_file_pages, text_pages};
