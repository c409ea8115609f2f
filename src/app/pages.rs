//! The screens, one file each.

mod account;
mod batch;
mod home;
mod library;
mod not_found;
mod reader;
mod trouble;

pub use account::Account;
pub use batch::Batch;
pub use home::Home;
pub use library::LibraryPage;
pub use not_found::{NotFound, is_absent};
pub use reader::Reader;
pub use trouble::TroublePage;
