//! Resource limits, which no process can raise again.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The channel, fonts, a document and the channel to what finds figures.
const DESCRIPTORS_MAX: u64 = 32;
const STACK_BYTES_MAX: u64 = 8 << 20;

pub(super) fn apply_memory(bytes_max: u64) -> io::Result<()> {
    limit(Resource::As, bytes_max)
}

pub(super) fn apply(cpu_seconds_max: u64) -> io::Result<()> {
    limit(Resource::Core, 0)?;
    // Answers go to a socket, so it has no business writing to any file.
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nproc, 0)?;
    limit(Resource::Nofile, DESCRIPTORS_MAX)?;
    limit(Resource::Stack, STACK_BYTES_MAX)?;
    limit(Resource::Cpu, cpu_seconds_max)
}

/// Limits to `value`, or to less if the process may have no more.
fn limit(resource: Resource, value: u64) -> io::Result<()> {
    let value = Some(getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value)));
    Ok(setrlimit(resource, Rlimit { current: value, maximum: value })?)
}
