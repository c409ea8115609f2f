//! Resource limits, which the process cannot raise again.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for the channel, the fonts, a document and the channel to the process that finds figures.
const DESCRIPTORS_MAX: u64 = 32;
const STACK_BYTES_MAX: u64 = 8 << 20;

pub(super) fn apply_memory(bytes_max: u64) -> io::Result<()> {
    limit(Resource::As, bytes_max)
}

pub(super) fn apply(cpu_seconds_max: u64) -> io::Result<()> {
    limit(Resource::Core, 0)?;
    // Answers go to a socket, so the process never writes to a file.
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nproc, 0)?;
    limit(Resource::Nofile, DESCRIPTORS_MAX)?;
    limit(Resource::Stack, STACK_BYTES_MAX)?;
    limit(Resource::Cpu, cpu_seconds_max)
}

/// Sets the limit to `value`, or to the current maximum if that is lower.
fn limit(resource: Resource, value: u64) -> io::Result<()> {
    let value = Some(getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value)));
    Ok(setrlimit(resource, Rlimit { current: value, maximum: value })?)
}
