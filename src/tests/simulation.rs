//! Simulation: thousands of schedules of failures, on one thread, with simulated time and no network. Two to four workers crash, stall and
//! have wrong clocks. Answers of the database and of Google are late, lost or doubled.
//! In every fourth schedule, each worker measures the database's time, and the clock of its machine is wrong by days.
//!
//! The workers are the real ones. The stores are those in memory, which pass the same conformance tests as the real ones. The batches are
//! the emulator's.
//!
//! `COLDBREW_SIMULATION_SEED` runs one schedule and prints what happens. `COLDBREW_SIMULATION_SCHEDULES` (default 100 000) is the number of
//! schedules, and `COLDBREW_SIMULATION_FIRST` (default 0) the first seed. A seed that has found a bug is added to [`FOUND`].

mod check;
mod clocks;
mod disk;
mod dues;
mod google;
mod machine;
mod odds;
mod record;
mod schedule;
mod submission;
mod timeline;

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::support::environment::number;

/// Seeds whose schedules have found bugs.
///
/// - 470: Google made two batches from one create. The one that was listed late was never cancelled.
/// - 6064: Google denied a batch once, long after its deadline. The job submitted it again while it was live.
/// - 39590: A batch that was pending at its last poll had started before it was cancelled. Its cost was not recorded.
/// - 66213: A reaper compared its own clock with the time of another worker's, and gave a live batch up.
/// - 765, 4425: Google listed a batch only after the job had begun another attempt. The first batch was never cancelled.
const FOUND: [u64; 6] = [470, 6064, 765, 4425, 39590, 66213];

/// Runs one schedule and counts its jobs. `false`: a check failed, and its panic has printed why.
fn passes(seed: u64, ends: &[AtomicUsize; 2]) -> bool {
    let counts = catch_unwind(|| schedule::run(seed, false));
    if let Ok((succeeded, failed)) = counts {
        ends[0].fetch_add(succeeded, Ordering::Relaxed);
        ends[1].fetch_add(failed, Ordering::Relaxed);
        return true;
    }
    eprintln!("to repeat it: COLDBREW_SIMULATION_SEED={seed} cargo test --test tests -- --nocapture simulation::");
    false
}

#[test]
fn any_schedule_of_failures_loses_no_job_and_pays_no_page_twice() {
    if let Some(seed) = number("COLDBREW_SIMULATION_SEED") {
        schedule::run(seed, true);
        return;
    }
    let count = number("COLDBREW_SIMULATION_SCHEDULES").unwrap_or(100_000);
    let first = number("COLDBREW_SIMULATION_FIRST").unwrap_or(0);
    let begun = Instant::now();
    let (next, all_pass, ends) = (AtomicU64::new(first), AtomicBool::new(true), [const { AtomicUsize::new(0) }; 2]);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while all_pass.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    if !passes(seed, &ends) {
                        all_pass.store(false, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(all_pass.into_inner(), "a schedule failed, see above");
    let [succeeded, failed] = ends.map(AtomicUsize::into_inner);
    println!("{count} schedules in {:.1?}: {succeeded} jobs succeeded, {failed} failed", begun.elapsed());
    assert!(count < 100 || (succeeded > failed && failed > 0), "the schedules have too few or too many failures");
}

#[test]
fn schedules_that_failed_once_pass() {
    let ends = [const { AtomicUsize::new(0) }; 2];
    assert!(FOUND.iter().all(|seed| passes(*seed, &ends)));
}
