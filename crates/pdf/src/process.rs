//! One worker process as its parent sees it: ask, wait within a limit, or lose it.
//!
//! A process that times out, dies or answers nonsense is of no further use; its owner drops it, which kills it.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::engine::EngineConfig;
use super::error::PdfError;
use super::launcher::Launcher;
use super::protocol::{self, PREFIX_BYTES, Reply, Request};

/// A reply and its payload.
pub(crate) type Answer = (Reply, Vec<u8>);

/// A running worker.
#[derive(Debug)]
pub(crate) struct WorkerProcess {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    child: Child,
}

impl WorkerProcess {
    /// Starts a worker, has it limit itself and bind the library.
    pub(crate) async fn start(launcher: &Launcher, config: &EngineConfig) -> Result<Self, PdfError> {
        let mut child = launcher.launch().await?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        };
        let mut worker = Self { input, output: BufReader::new(output), child };
        let request = Request::Start {
            parent_pid: std::process::id(),
            memory_bytes_max: config.memory_bytes_max,
            detector: config.detector.clone(),
        };
        match worker.ask(&request, config.library.as_os_str().as_bytes()).await? {
            (Reply::Started, _) => Ok(worker),
            (other, _) => Err(refusal(other)),
        }
    }

    /// The process id, while the process lives.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends a request and waits for its reply, without limit.
    pub(crate) async fn ask(&mut self, request: &Request, payload: &[u8]) -> Result<Answer, PdfError> {
        self.send(request, payload).await?;
        self.receive().await
    }

    /// As [`Self::ask`], but gives up after `limit`.
    pub(crate) async fn ask_within(
        &mut self,
        limit: Duration,
        request: &Request,
        payload: &[u8],
    ) -> Result<Answer, PdfError> {
        within(limit, self.ask(request, payload)).await
    }

    /// Sends a request, for which the replies are then received one by one.
    pub(crate) async fn send(&mut self, request: &Request, payload: &[u8]) -> Result<(), PdfError> {
        self.write_frame(request, payload).await.map_err(|_| PdfError::WorkerCrashed)
    }

    /// Waits for the next reply.
    pub(crate) async fn receive(&mut self) -> Result<Answer, PdfError> {
        self.read_frame().await.map_err(|_| lost(PdfError::WorkerCrashed))
    }

    async fn write_frame(&mut self, request: &Request, payload: &[u8]) -> io::Result<()> {
        self.input.write_all(&protocol::encode_head(request, payload)?).await?;
        self.input.write_all(payload).await
    }

    async fn read_frame(&mut self) -> io::Result<Answer> {
        let mut prefix = [0; PREFIX_BYTES];
        self.output.read_exact(&mut prefix).await?;
        let lengths = protocol::decode_prefix(prefix)?;
        let mut header = vec![0; lengths.header];
        self.output.read_exact(&mut header).await?;
        // Memory grows with what really arrives, not with what the worker claims.
        let mut payload = Vec::new();
        let received = (&mut self.output).take(lengths.payload as u64).read_to_end(&mut payload).await?;
        if received < lengths.payload {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok((protocol::decode_header(&header)?, payload))
    }
}

/// Counts a worker that is of no use any more.
fn lost(error: PdfError) -> PdfError {
    metrics::counter!("coldbrew_page_workers_lost_total").increment(1);
    error
}

/// Runs a conversation with a worker for at most `limit`.
pub(crate) async fn within<T>(limit: Duration, talk: impl Future<Output = Result<T, PdfError>>) -> Result<T, PdfError> {
    tokio::time::timeout(limit, talk).await.unwrap_or_else(|_| Err(lost(PdfError::Timeout(limit))))
}

/// The error in a reply that is not the one asked for: the worker's refusal, or nonsense.
pub(crate) fn refusal(reply: Reply) -> PdfError {
    match reply {
        Reply::Failed { fault } => fault.into(),
        _ => PdfError::WorkerCrashed,
    }
}
