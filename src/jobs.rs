//! Jobs: each accepted job reaches an end state, whatever happens to the processes that work on it.
//!
//! A [`Job`] is a row in the database. [`machine`] is pure: [`Job::task`] says what a job needs next, and [`machine::step`] where an event
//! takes it. A [`Worker`] claims due jobs, carries out one task, and commits the step before it starts the next task. So a crash interrupts
//! at most one task of a job. The next claim repeats that task, except a create: it first lists Google's batches.
//!
//! Nothing here names a database or a queue. The ports are [`Jobs`], [`PollingJobs`], [`Spending`], [`OrphanedResources`], [`Google`], [`PageSource`] and
//! [`Spool`], so that a simulation can replace all of them. The stage of a job changes only by a committed step.
//!
//! `submit` records jobs. `polling` polls their batches without claims. `prepare`, `upstream` and `download` carry out the steps of a batch, and `realtime` those of the other mode.

mod attempts;
mod budget;
mod download;
mod google;
mod job;
mod ladder;
mod ledger;
mod listings;
pub mod machine;
mod pages;
mod polling;
mod prepare;
mod realtime;
mod reaper;
mod spool;
mod store;
mod submit;
mod upstream;
mod worker;

pub use attempts::{PageAttempt, PageAttempts};
pub use google::Google;
pub use job::{Job, JobIds, Part, RemoteBatch, Stage};
pub use ledger::{Admission, PaidAnswer, QUEUED_AFTER_END_MS, Spending, Unanswered};
pub use listings::Listings;
pub use pages::{EnginePages, PageSource, ReadyPage, ReadyPages};
pub use polling::{DuePoll, Poller, PollingJobs, Roster};
pub use reaper::{OrphanedResource, OrphanedResources, Reaper};
pub use spool::{DiskSpool, InputLines, Results, Spool};
pub use store::{Acceptance, Completion, Jobs};
pub use submit::{SubmissionPolicy, SubmissionPorts, Submissions};
pub use worker::{Isolation, Worker, WorkerPolicy, WorkerPorts, WorkerSettings};
