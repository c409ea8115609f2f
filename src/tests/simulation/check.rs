//! Checks at the end of a schedule. Invariants of every moment are checked where they would break. The store in memory panics if a page is
//! charged twice or a reservation released twice. The simulated Google panics at a second live batch.

use std::collections::{BTreeMap, BTreeSet};

use coldbrew::accounts::spending::Budget;
use coldbrew::jobs::{Job, Stage};
use coldbrew_gemini_emulator::{Fault, Phase};

use super::google::Service;
use crate::support::memory::{Memory, Records};

/// How many crashes of workers, real or apparent, there must be before a job may be set aside.
const SET_ASIDE_CRASHES: u32 = 5;

/// Panics if a check fails. Returns how many jobs succeeded and failed.
pub fn all(memory: &Memory, service: &Service, budget: &Budget, crashes: u32) -> (usize, usize) {
    let records = memory.records();
    spending(&records, service, budget);
    let finished = finished_batches(service);
    let mut succeeded = 0;
    for row in records.jobs.values() {
        succeeded += usize::from(row.job.stage == Stage::Succeeded);
        job(&records, &row.job, finished.get(&row.job.id).cloned().unwrap_or_default(), crashes);
    }
    no_orphan_is_live(&records, service);
    assert!(records.reservations.is_empty(), "reservations are left: {:?}", records.reservations.keys());
    for (id, document) in &records.documents {
        let jobs = records.jobs.values().filter(|row| row.job.document_id == *id);
        assert_eq!(jobs.count(), 1, "{id} has no job");
        let of_document =
            |(job, _): &(String, u32)| records.jobs.get(job).is_some_and(|row| row.job.document_id == *id);
        let charges = records.ledger.iter().filter(|(key, _)| of_document(key));
        assert_eq!(
            document.charged,
            charges.map(|(_, charge)| charge.tokens).sum::<u64>(),
            "the price of {id} is not the sum of its charges"
        );
    }
    (succeeded, records.jobs.len() - succeeded)
}

/// Invariant C3: the ledger has all that Google bills, and the spending of a day passes its ceiling by one request at most.
fn spending(records: &Records, service: &Service, budget: &Budget) {
    assert!(records.commitments.is_empty(), "money is still held: {:?}", records.commitments.keys());
    let mut days: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
    for row in records.spending.values() {
        days.entry(row.day).or_default().push(row.spent.micro_dollars);
    }
    let recorded: u64 = days.values().flatten().sum();
    let billed = service.billed();
    assert!(billed <= recorded, "Google bills {billed}, and {recorded} are recorded");
    let Some(ceiling) = budget.ceiling(true) else { return };
    for (day, amounts) in days {
        let (sum, largest): (u64, u64) = (amounts.iter().sum(), amounts.iter().copied().max().unwrap_or_default());
        assert!(sum <= ceiling + largest, "{sum} were spent on day {day}: {amounts:?}");
    }
}

fn job(records: &Records, job: &Job, finished: Finished, crashes: u32) {
    let Job { id, stage, .. } = job;
    assert!(job.task().is_none(), "{id} has not ended: it is at {stage:?}");
    let document = records.documents.get(&job.document_id);
    let charged = records.ledger.range((id.clone(), 0)..=(id.clone(), u32::MAX)).count();
    assert_eq!(finished.paid_twice, None, "{id} has a page that two batches were paid for");
    match stage {
        Stage::Succeeded => {
            // The document may have been deleted since.
            if let Some(document) = document {
                let pages: Vec<u32> = document.pages.keys().copied().collect();
                assert_eq!(pages, job.pages.iter().collect::<Vec<_>>(), "{id} has other pages than were requested");
            }
        }
        Stage::Failed { error } | Stage::Expired { error } => {
            assert!(document.is_none() && charged == 0, "{id} failed with {error:?} and has a document or charges");
            let code = error.code.as_str();
            assert!(code != "set_aside" || crashes >= SET_ASIDE_CRASHES, "{id} was set aside without enough crashes");
            assert!(code != "internal_error", "{id} was given the task of another stage");
            assert!(
                code != "results_lost" || !finished.deleted,
                "{id} deleted its batch before its results were stored"
            );
            let excused = ["set_aside", "results_lost", "no_word", "upload_gone"].contains(&code);
            assert!(excused || !finished.usable, "{id} failed with {error:?}, although Google has results of it");
        }
        _ => unreachable!(),
    }
}

/// Checks that no batch is live after all jobs have ended. Two kinds are excused: a batch that ignores its cancellation, and a hidden batch
/// of its job's last attempt, which no listing could find.
fn no_orphan_is_live(records: &Records, service: &Service) {
    assert!(records.orphans.is_empty(), "not reaped: {:?}", records.orphans);
    let mut attempts: BTreeMap<String, u32> = BTreeMap::new();
    service.for_each(|made, _| {
        let newest = attempts.entry(made.job.clone()).or_default();
        *newest = made.attempt().max(*newest);
    });
    service.for_each(|made, phase| {
        let is_live = matches!(phase, Phase::Pending | Phase::Running) && !made.row.has(Fault::CancelIgnored);
        let is_excused = made.is_ever_hidden() && attempts[&made.job] == made.attempt();
        assert!(!is_live || is_excused, "{:?} is live without a job", made.row.display_name);
    });
}

/// The successful batches of a job.
#[derive(Clone, Default)]
struct Finished {
    /// The keys of their pages.
    keys: BTreeSet<String>,
    /// A page that is in two of them.
    paid_twice: Option<String>,
    /// Whether one of them has a page that can be read.
    usable: bool,
    /// Whether one of them was deleted.
    deleted: bool,
}

fn finished_batches(service: &Service) -> BTreeMap<String, Finished> {
    let mut finished: BTreeMap<String, Finished> = BTreeMap::new();
    service.for_each(|made, phase| {
        let counts = !made.doubled && !made.is_ever_hidden() && !made.row.has(Fault::CancelIgnored);
        let paid = phase == Phase::Succeeded && counts;
        let of_job = finished.entry(made.job.clone()).or_default();
        for key in made.keys.iter().filter(|_| paid) {
            if !of_job.keys.insert(key.clone()) {
                of_job.paid_twice = Some(key.clone());
            }
        }
        of_job.usable |= paid && made.is_usable();
        of_job.deleted |= paid && made.row.deleted.is_some();
    });
    finished
}
