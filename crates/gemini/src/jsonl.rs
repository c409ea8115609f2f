//! The files of a batch, one JSON object a line: [`InputWriter`] writes the requests, each an [`InputLine`], [`ResultReader`] reads the results.
//!
//! Neither holds more than one line. What is read may be anything at all.

mod lines;
mod results;
mod writer;

pub use lines::{Line, Lines};
pub use results::{Oddity, Outcome, ResultLine, ResultReader};
pub use writer::{InputLine, InputSummary, InputWriter, WriteError};
