//! The sandbox of a worker. The worker enters it before it gets anything that may be hostile.
//!
//! Everything that it needs is loaded and open by then. The layers are independent: one that the kernel lacks weakens no other.

mod limits;
mod rights;
mod system_calls;

use std::io;

use rustix::process::{DumpableBehavior, Signal, getppid, set_dumpable_behavior, set_parent_process_death_signal};
use rustix::thread::set_no_new_privs;

use crate::protocol::Limits;
use crate::sandbox::SandboxLayers;

/// The layer that a probe leaves out, to test the others alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    Nothing,
    SystemCalls,
}

/// Ties this process's life to its parent's, and limits its memory before anything is loaded. Fails if the parent has already gone.
pub(super) fn prepare(parent_pid: u32, limits: Limits) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // A parent that died before the line above sent no signal. This process has another parent in that case.
    let parent = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if parent != Some(parent_pid) {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    // No other process of this user may inspect this one.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    limits::apply_memory(limits.memory_bytes_max)
}

/// Enters the sandbox permanently, and returns the layers that hold.
pub(crate) fn enter(limits: Limits, without: Without) -> SandboxLayers {
    let no_new_privs = set_no_new_privs(true).is_ok();
    let limits = limits::apply(limits.cpu_seconds_max).is_ok();
    let rights = rights::renounce();
    let system_calls = without != Without::SystemCalls && system_calls::restrict().is_ok();
    SandboxLayers { no_new_privs, limits, files: rights.files, tcp: rights.tcp, scopes: rights.scopes, system_calls }
}
