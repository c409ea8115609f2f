//! The heart of the product: jobs that reach their end, whatever happens to the process that works on them.
//!
//! A [`Job`] is a row in the database. [`machine`] is pure: [`Job::task`] says what a job needs next, and [`machine::step`] where an event takes
//! it. [`Worker`] claims jobs that are due, carries out the task, and commits the step before it takes the next one. So a crash
//! repeats at most one task, and each task may be repeated.
//!
//! Nothing here names a database or a queue. The ports are [`Jobs`], [`Spending`], [`OrphanedResources`], [`Google`], [`PageSource`] and
//! [`Spool`], so that a simulation can stand in for all of them. A job changes by a committed step and in no other way.
//!
//! `submit` puts jobs on record. `prepare`, `upstream` and `collect` are the steps of a batch, `realtime` is the other mode.

mod budget;
mod download;
mod google;
mod job;
mod ledger;
pub mod machine;
mod pages;
mod prepare;
mod realtime;
mod reaper;
mod spool;
mod store;
mod submit;
mod upstream;
mod worker;

pub use google::Google;
pub use job::{Job, JobIds, RemoteBatch, Stage};
pub use ledger::{Admission, Spending, Unanswered};
pub use pages::{EnginePages, PageSource, ReadyPage, ReadyPages};
pub use reaper::{OrphanedResource, OrphanedResources, Reaper};
pub use spool::{DiskSpool, InputLines, Results, Spool};
pub use store::{Acceptance, Completion, Jobs};
pub use submit::{SubmissionPolicy, SubmissionPorts, Submissions};
pub use worker::{Isolation, Worker, WorkerPolicy, WorkerPorts, WorkerSettings};
