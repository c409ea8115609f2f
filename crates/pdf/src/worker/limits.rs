//! What a worker takes from itself before it touches a document.

use std::io;

use rustix::process::{Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit};

/// Limits this process and ties its life to its parent's. Fails if the parent is already gone.
pub(super) fn apply(parent_pid: u32, memory_bytes_max: u64) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // A parent that died before the line above sent no signal; then somebody else is our parent now.
    let parent = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if parent != Some(parent_pid) {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    limit(Resource::As, memory_bytes_max)?;
    limit(Resource::Core, 0)?;
    // Answers go to a pipe, so it has no business writing to any file.
    limit(Resource::Fsize, 0)
}

fn limit(resource: Resource, value: u64) -> io::Result<()> {
    Ok(setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?)
}
