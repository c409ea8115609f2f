//! A file for each screen.

mod account;
mod batch;
mod home;
mod library;
mod not_found;
mod reader;

pub use account::Account;
pub use batch::Batch;
pub use home::Home;
pub use library::Library;
pub use not_found::NotFound;
pub use reader::Reader;
