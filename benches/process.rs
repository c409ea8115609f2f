//! What the kernel says of processes: how long one computed, and which there are.

use std::time::Duration;

/// How long a process, named by its id or `self`, computed; 0 if it is gone.
pub fn cpu(process: &str) -> Duration {
    let [user, system, ..] = times(process);
    user + system
}

/// How long those computed that this process started and that are over. Waits until all are.
#[allow(dead_code, reason = "not every benchmark asks")]
pub async fn cpu_of_ended_children() -> Duration {
    while !children().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let [_, _, user, system] = times("self");
    user + system
}

/// Of a process itself, in its own code and in the kernel, and the same of its children that are over.
fn times(process: &str) -> [Duration; 4] {
    const TICK_MS: u64 = 10;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name before them, in brackets, may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ').collect();
    let ticks = |field: usize| fields.get(field).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0);
    [11, 12, 13, 14].map(|field| Duration::from_millis(ticks(field) * TICK_MS))
}

/// The processes that this one started and that are still there.
#[allow(dead_code, reason = "not every benchmark asks")]
pub fn children() -> Vec<String> {
    let threads = std::fs::read_dir("/proc/self/task").expect("this is Linux");
    let children = threads.flatten().filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    children.flat_map(|pids| pids.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}
