//! The sandbox of a worker, which it enters by itself before it is given anything that may be hostile.
//!
//! Everything it needs is loaded and open by then. Each layer stands by itself: one that the kernel lacks weakens no other.

mod limits;
mod rights;
mod system_calls;

use std::io;

use rustix::process::{DumpableBehavior, Signal, getppid, set_dumpable_behavior, set_parent_process_death_signal};
use rustix::thread::set_no_new_privs;

use crate::protocol::Limits;
use crate::sandbox::SandboxLayers;

/// A layer that a probe leaves out, to see the others at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    Nothing,
    SystemCalls,
}

/// Ties this process's life to its parent's, and limits its memory before anything is loaded. Fails if the parent is already gone.
pub(super) fn prepare(parent_pid: u32, limits: Limits) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // A parent that died before the line above sent no signal; then another process is our parent now.
    let parent = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if parent != Some(parent_pid) {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    // No other process of this user may look into this one.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    limits::apply_memory(limits.memory_bytes_max)
}

/// Enters the sandbox for good, and tells which layers hold.
pub(crate) fn enter(limits: Limits, without: Without) -> SandboxLayers {
    let no_new_privs = set_no_new_privs(true).is_ok();
    let limits = limits::apply(limits.cpu_seconds_max).is_ok();
    let rights = rights::renounce();
    let system_calls = without != Without::SystemCalls && system_calls::restrict().is_ok();
    SandboxLayers { no_new_privs, limits, files: rights.files, tcp: rights.tcp, scopes: rights.scopes, system_calls }
}
