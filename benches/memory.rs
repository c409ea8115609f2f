//! What the kernel says of memory.

/// The most resident memory that a process, named by its id or `self`, ever had; 0 if it is gone.
pub fn peak_bytes(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// The memory that a process, named by its id, has at this moment; 0 if it is gone.
#[allow(dead_code, reason = "not every benchmark asks")]
pub fn resident_bytes(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let now = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    now.and_then(|now| now.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}
