//! The CPU time and the children of processes, from `/proc`.

use std::time::Duration;

/// The CPU time of a process; 0 if it has ended. `process`: its id, or `self`.
pub fn cpu(process: &str) -> Duration {
    let [user, system, ..] = times(process);
    user + system
}

/// The CPU time of all child processes. Waits until they have ended.
#[allow(dead_code, reason = "not every benchmark uses it")]
pub async fn cpu_of_ended_children() -> Duration {
    while !children().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let [_, _, user, system] = times("self");
    user + system
}

/// The user time and the system time of a process, and the same of its children that have ended.
fn times(process: &str) -> [Duration; 4] {
    const TICK_MS: u64 = 10;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The fields follow the process name, which is in parentheses and may contain any character.
    let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ').collect();
    let ticks = |field: usize| fields.get(field).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0);
    [11, 12, 13, 14].map(|field| Duration::from_millis(ticks(field) * TICK_MS))
}

/// The ids of the running child processes.
#[allow(dead_code, reason = "not every benchmark uses it")]
pub fn children() -> Vec<String> {
    let threads = std::fs::read_dir("/proc/self/task").expect("this is Linux");
    let children = threads.flatten().filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    children.flat_map(|pids| pids.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}
