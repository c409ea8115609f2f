//! Uploads: a file is received or fetched from a URL, opened, measured and stored.
//!
//! [`Incoming`] admits uploads, [`Receiver`] writes them to disk, and [`Intake`] opens, measures and stores them. [`fetch`] downloads files
//! from URLs. The ports are [`Uploads`] for records, [`Blobs`] for files, and [`Figures`] for the places of figures on pages.
//!
//! No PDF is parsed in this process: `coldbrew_pdf` does that in processes of its own. [`crate::extract`] reads the contents of files.

mod blobs;
pub mod fetch;
mod figures;
mod incoming;
mod intake;
mod kind;
mod own_folder;
mod receive;
mod store;

pub use blobs::{Blobs, account_folders, figure_folder, figure_key, upload_key};
pub use figures::{FigurePlaces, Figures, FoundFigures, figure_ids};
pub use incoming::{DiskProbe, DiskSpace, Incoming, IncomingLimits, UploadPermit};
pub use intake::Intake;
pub use receive::{ReceivedFile, Receiver};
pub use store::{Upload, Uploads};
