//! Counts worker processes as listed by the kernel.

use std::path::Path;

/// The number of running child processes whose address space is limited to this many bytes. A test with a unique limit counts only its own.
///
/// # Panics
/// If `/proc` cannot be read: this works on Linux only.
#[allow(clippy::unwrap_used, reason = "only tests call it")]
pub fn workers_with(memory_bytes_max: u64) -> usize {
    let tasks = Path::new("/proc/self/task");
    let of_thread =
        |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    let pids = std::fs::read_dir(tasks).unwrap().flatten().map(of_thread).collect::<Vec<_>>().join(" ");
    let is_alive = |pid: &&str| {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // A killed process is a zombie until its parent waits for it.
        !matches!(state.rsplit_once(") ").map(|(_, rest)| rest.as_bytes()[0]), Some(b'Z') | None)
    };
    let has_limit = |pid: &&str| {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
        limits.contains(&format!(" {memory_bytes_max} "))
    };
    pids.split_whitespace().filter(is_alive).filter(has_limit).count()
}
