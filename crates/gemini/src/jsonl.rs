//! The files of a batch, one JSON object a line: [`InputWriter`] writes the requests, each an [`InputLine`], [`ResultReader`] reads the results.
//!
//! Neither holds more than one line. What is written was checked as Google checks it; what is read may be anything at all.

mod check;
mod lines;
mod results;
mod writer;

pub use check::{LineFault, check_line};
pub use lines::{Line, Lines};
pub use results::{Oddity, Outcome, ResultLine, ResultReader};
pub use writer::{InputLine, InputSummary, InputWriter, WriteError};
