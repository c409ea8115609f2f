//! The memory of processes, from `/proc`.

/// The peak of a process's resident memory, in bytes; 0 if it has ended. `process`: its id, or `self`.
pub fn peak_bytes(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// The present resident memory of a process, in bytes; 0 if it has ended. `process`: its id, or `self`.
#[allow(dead_code, reason = "not every benchmark uses it")]
pub fn resident_bytes(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let now = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    now.and_then(|now| now.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}
