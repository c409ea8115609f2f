//! The heart of the product: jobs that end by themselves, whatever happens to the process that works on them.
//!
//! A [`Job`] is a row in the database. [`machine`] says, without doing anything, what a job needs next ([`Job::task`]) and where
//! an event takes it ([`machine::step`]). [`Worker`] claims jobs that are due, carries out the task, and commits the
//! step before it takes the next one. So a crash anywhere repeats at most one task, and each task may be repeated.
//!
//! Nothing here names a database or a queue: storage is [`crate::jobs::Jobs`]. What else a worker does outside, it does through
//! [`Google`], [`PageSource`] and [`Spool`], so that a simulation can take their place.

mod budget;
mod collect;
mod google;
mod job;
mod ledger;
mod leftovers;
pub mod machine;
mod pages;
mod prepare;
mod realtime;
mod spool;
mod store;
mod submit;
mod upstream;
mod worker;

pub use google::Google;
pub use job::{Job, JobIds, Stage, Watched};
pub use ledger::{Admission, Spending, Unanswered};
pub use leftovers::{Cleaner, Leftover, Leftovers};
pub use pages::{EnginePages, PageSource, ReadyPage, ReadyPages};
pub use spool::{DiskSpool, InputLines, Results, Spool};
pub use store::{Acceptance, Completion, Jobs};
pub use submit::{SubmissionPolicy, SubmissionPorts, Submissions};
pub use worker::{Isolation, Worker, WorkerPolicy, WorkerPorts, WorkerSettings};
