//! Components that several screens share.

mod bookshelf;
mod cover;
mod frame;
mod hydration_scripts;
mod icons;
mod local_time;
mod notice;
mod numbers;
mod question;
mod rows;
mod theme;

pub use bookshelf::Bookshelf;
pub use cover::Cover;
pub use frame::Frame;
pub use hydration_scripts::HydrationScripts;
pub use icons::{CloseIcon, CupIcon, DeleteIcon};
pub use local_time::LocalTime;
pub use notice::Trouble;
pub use numbers::{grouped, page_count, printed};
pub use question::{Answers, Question, QuestionButton};
pub use rows::{DocumentRow, JobRow, title_words};
pub use theme::ThemeMenu;
