//! Runs suspected jobs in processes of their own: how a server starts such a process, and what the process does.
//!
//! The process is `coldbrew hold-job`. It reads the same configuration and adopts the claim. It ends when the job has to wait or ends, or
//! when its standard input closes, which also happens when the server crashes.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::Config;
use super::background::{Background, overdue};
use super::parts::Parts;
use super::working::Working;
use crate::error::{Error, Result};
use crate::jobs::{Isolation, Job};

/// How long the database may take to take a claim back.
const HAND_BACK_MAX: Duration = Duration::from_secs(2);

/// Starts `coldbrew hold-job` for each suspected job.
pub(super) struct HoldJobProcess {
    pub(super) program: PathBuf,
    /// The address of this server's emulator, in demo mode.
    pub(super) emulator: Option<String>,
}

#[async_trait]
impl Isolation for HoldJobProcess {
    async fn hold(&self, job: &Job, stop: CancellationToken) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("hold-job").arg(&job.id).arg(job.fence.to_string()).stdin(Stdio::piped()).stdout(Stdio::null());
        if let Some(emulator) = &self.emulator {
            command.arg("--emulator").arg(emulator);
        }
        let mut process = command.spawn()?;
        let open = process.stdin.take();
        let status = tokio::select! {
            status = process.wait() => status?,
            () = stop.cancelled() => {
                drop(open);
                process.wait().await?
            }
        };
        if status.success() { Ok(()) } else { Err(Error::internal(format!("coldbrew hold-job: {status}"))) }
    }
}

/// Adopts one claim and holds its job, until the job has to wait or ends, `stop` comes, or standard input closes. `emulator`: the base URL
/// of the server's emulator, in demo mode.
///
/// # Errors
/// A part of the configuration cannot be opened, or the database cannot be reached.
pub async fn hold_job(
    config: &Config,
    job_id: &str,
    fence: i64,
    emulator: Option<&str>,
    stop: CancellationToken,
) -> Result<()> {
    let parts = Parts::open(config).await?;
    let working = Working::open_at(&parts, config, emulator).await?;
    let closed = stop.clone();
    // A thread of its own: at the end, the runtime would wait for its blocking read.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        closed.cancel();
    });
    let mut background = Background::new(&stop);
    background.spawn("clock", parts.time.database.clone().run(stop.clone()));
    background.spawn("copy in Redis", parts.tracked.clone().run(stop.clone()));
    let stop_timeout = config.server.stop_timeout;
    let held = tokio::select! {
        held = working.adopt(job_id, fence, stop.clone()) => held,
        // Its tasks end at the stop timeout.
        () = overdue(&stop, stop_timeout + HAND_BACK_MAX) => Err(Error::unavailable("the claim was not handed back")),
    };
    stop.cancel();
    background.end(&parts.store, &stop, stop_timeout).await.and(held)
}
