//! What several screens use.

mod frame;
mod icons;
mod local_time;
mod notice;
mod rows;
mod theme;

pub use frame::Frame;
pub use icons::{CloseIcon, CupIcon, DeleteIcon};
pub use local_time::{LocalDay, LocalTime};
pub use notice::Trouble;
pub use rows::{DocumentRow, JobRow, grouped, page_count, title_words};
pub use theme::ThemeToggle;
