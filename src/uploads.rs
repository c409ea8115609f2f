//! From a person's file to a measured upload on record: received or fetched by its address, opened, measured and kept.
//!
//! [`Incoming`] says whether a file may come, [`Receiver`] brings it to disk, and [`Intake`] opens, measures and keeps it. [`fetch`] gets files by
//! their address. The ports are [`Uploads`] for records, [`Blobs`] for files, and [`Figures`] for where the figures of pages are.
//!
//! Nothing here parses a PDF: `coldbrew_pdf` does, in a process of its own. What is read in a file is [`crate::extract`]'s work.

mod blobs;
mod contents;
pub mod fetch;
mod figures;
mod incoming;
mod intake;
mod kind;
mod receive;
mod store;

pub use blobs::{Blobs, account_folders, figure_key, upload_key};
pub use contents::delete_content;
pub use figures::{FigurePlaces, Figures, FoundFigures, figure_ids};
pub use incoming::{DiskProbe, DiskSpace, Incoming, IncomingLimits, UploadPermit};
pub use intake::Intake;
pub use receive::{ReceivedFile, Receiver};
pub use store::{Upload, Uploads};
