//! The files of a batch, one JSON object a line.
//!
//! [`InputWriter`] writes requests, each as an [`InputLine`]. [`ResultReader`] reads results from any bytes. Neither holds more than one
//! line. The lines are described in `docs/GEMINI.md`, "Input lines" and "Result lines".

mod lines;
mod results;
mod writer;

pub use lines::{Line, Lines};
pub use results::{LineError, Outcome, ResultLine, ResultReader};
pub use writer::{InputLine, InputSummary, InputWriter, WriteError};
