//! Thousands of stories in a clock without a network: two to four workers that crash, stand still and have wrong clocks, a database
//! and a Google whose answers are late, lost or doubled. The workers are the real ones; the stores are those in memory, held to the
//! promises of the real ones by the conformance suite; the batches are the emulator's.
//!
//! `COLDBREW_SIMULATION_SEED` tells one story aloud. `COLDBREW_SIMULATION_SCHEDULES` (default 100 000) says how many are told, and
//! `COLDBREW_SIMULATION_FIRST` (default 0) where to begin. A seed that has found a fault is put into [`FOUND`].

mod check;
mod disk;
mod google;
mod machine;
mod odds;
mod record;
mod schedule;
mod timeline;

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::support::environment::number;

/// Seeds whose stories went wrong once.
///
/// - 470: of two batches made of one create, the one that was listed late went on for nobody.
/// - 6064: a batch that could not be cancelled was denied once by Google, long after its time, and submitted again while it lived.
/// - 765, 4425: a batch that Google listed only after another attempt had followed it went on for nobody.
const FOUND: [u64; 4] = [470, 6064, 765, 4425];

/// Tells one story; whether it went well. What went wrong is printed by its panic.
fn tell(seed: u64, ends: &[AtomicUsize; 2]) -> bool {
    let told = catch_unwind(|| schedule::run(seed, false));
    if let Ok((succeeded, failed)) = told {
        ends[0].fetch_add(succeeded, Ordering::Relaxed);
        ends[1].fetch_add(failed, Ordering::Relaxed);
        return true;
    }
    eprintln!("to see it: COLDBREW_SIMULATION_SEED={seed} cargo test --test tests -- --nocapture simulation::");
    false
}

#[test]
fn whatever_goes_wrong_no_job_is_lost_and_no_page_is_paid_twice() {
    if let Some(seed) = number("COLDBREW_SIMULATION_SEED") {
        schedule::run(seed, true);
        return;
    }
    let count = number("COLDBREW_SIMULATION_SCHEDULES").unwrap_or(100_000);
    let first = number("COLDBREW_SIMULATION_FIRST").unwrap_or(0);
    let begun = Instant::now();
    let (next, well, ends) = (AtomicU64::new(first), AtomicBool::new(true), [const { AtomicUsize::new(0) }; 2]);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while well.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    if !tell(seed, &ends) {
                        well.store(false, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(well.into_inner(), "a story went wrong, see above");
    let [succeeded, failed] = ends.map(AtomicUsize::into_inner);
    println!("{count} schedules in {:.1?}: {succeeded} jobs succeeded, {failed} failed", begun.elapsed());
    assert!(count < 100 || (succeeded > failed && failed > 0), "this clock is too kind or too cruel to prove anything");
}

#[test]
fn what_went_wrong_once_goes_well_now() {
    let ends = [const { AtomicUsize::new(0) }; 2];
    assert!(FOUND.iter().all(|seed| tell(*seed, &ends)));
}
