//! The screens, one file each.

mod account;
mod batch;
mod home;
mod library;
mod not_found;
mod operator;
mod reader;
mod trouble;

pub use account::{Account, InvitationPage, SetPasswordPage};
pub use batch::Batch;
pub use home::Home;
pub use library::LibraryPage;
pub use not_found::{NotFound, is_absent};
pub use operator::OperatorPage;
pub use reader::Reader;
pub use trouble::TroublePage;
