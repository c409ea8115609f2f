//! Measures a function in a process of its own, so that the peak memory is that of the function.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::memory::peak_bytes;

/// The result of one run.
pub struct Measured {
    /// The bytes that the function processed.
    pub bytes: u64,
    pub time: Duration,
    /// The peak of the process's resident memory.
    pub peak_bytes: u64,
}

/// Runs this program again, only for the measurement `name`, with the settings as environment variables.
pub fn in_a_process_of_its_own(name: &str, settings: &[(&str, &str)]) -> Measured {
    let program = std::env::current_exe().expect("this program has a path");
    let run = Command::new(program).arg(name).envs(settings.iter().copied()).output().expect("it can be started again");
    assert!(run.status.success(), "{name} failed: {}", String::from_utf8_lossy(&run.stderr));
    let numbers = String::from_utf8(run.stdout).expect("numbers are ASCII");
    let mut numbers = numbers.split_whitespace().map(|number| number.parse::<u64>().expect("a number"));
    let mut next = || numbers.next().expect("three numbers");
    Measured { bytes: next(), time: Duration::from_micros(next()), peak_bytes: next() }
}

/// The measurement that this process was started for, if it was.
pub fn wanted() -> Option<String> {
    std::env::args().nth(1).filter(|name| !name.starts_with('-'))
}

/// Runs `measured`, which returns the bytes that it processed, and prints the result for the parent process.
pub fn report(measured: impl FnOnce() -> u64) {
    let start = Instant::now();
    let bytes = measured();
    println!("{bytes} {} {}", start.elapsed().as_micros(), peak_bytes("self"));
}

#[allow(dead_code, reason = "not every benchmark measures rates")]
/// Prints a row of a table for BENCHMARKS.md.
pub fn print_row(what: &str, measured: &Measured) {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let seconds = measured.time.as_secs_f64();
    println!(
        "| {what} | {:.0} MB | {seconds:.2} s | {:.0} MB/s | {:.0} MB |",
        megabytes(measured.bytes),
        megabytes(measured.bytes) / seconds,
        megabytes(measured.peak_bytes)
    );
}
