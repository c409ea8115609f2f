//! What several screens use.

mod frame;
mod icons;
mod local_time;
mod notice;
mod numbers;
mod rows;
mod theme;

pub use frame::Frame;
pub use icons::{CloseIcon, CupIcon, DeleteIcon};
pub use local_time::LocalTime;
pub use notice::Trouble;
pub use numbers::{grouped, page_count};
pub use rows::{DocumentRow, JobRow, title_words};
pub use theme::ThemeMenu;
