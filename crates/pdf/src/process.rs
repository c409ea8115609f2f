//! One worker process, as its parent sees it.
//!
//! A process that times out, dies or sends an invalid reply is lost. Its owner drops it, which kills it.

use std::fs::File;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::UnixStream;
use tokio::process::Child;

use super::answers;
use super::engine::EngineConfig;
use super::error::PdfError;
use super::launcher::Launcher;
use super::protocol::{self, Limits, PREFIX_BYTES, Reply, Request, Role};
use super::sandbox::{SandboxLayers, SandboxPolicy};

/// A reply and its payload.
pub(crate) type Answer = (Reply, Vec<u8>);

/// A running worker, in its sandbox.
#[derive(Debug)]
pub(crate) struct WorkerProcess {
    socket: BufReader<UnixStream>,
    child: Child,
    layers: SandboxLayers,
    /// The process that finds figures for this worker. It ends with it.
    layout: Option<Child>,
}

impl WorkerProcess {
    /// Starts a process, which loads all that it needs and enters the sandbox.
    ///
    /// # Errors
    /// [`PdfError::Unavailable`] if a part is missing, or a layer of the sandbox that the configuration requires. Otherwise the errors of
    /// [`Self::ask_within`].
    pub(crate) async fn start(launcher: &Launcher, config: &EngineConfig, role: Role) -> Result<Self, PdfError> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let socket = BufReader::new(UnixStream::from_std(ours)?);
        let child = launcher.launch(theirs.into()).await?;
        let mut worker = Self { socket, child, layers: SandboxLayers::default(), layout: None };
        let limits = Limits { memory_bytes_max: config.memory_bytes_max, cpu_seconds_max: config.cpu_seconds_max() };
        let start = Request::Start { parent_pid: std::process::id(), limits, role };
        worker.layers = match worker.ask(&start, b"").await? {
            (Reply::Started { layers }, _) => layers,
            (other, _) => return Err(answers::start_refusal(other)),
        };
        match worker.layers.required_missing() {
            missing if missing.is_empty() || config.sandbox == SandboxPolicy::BestEffort => Ok(worker),
            missing => Err(PdfError::Unavailable(format!(
                "this kernel cannot confine page processes ({} missing): use another one, or set pages.sandbox to best-effort",
                missing.join(", ")
            ))),
        }
    }

    /// The process id, while the process lives.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The layers that confine it.
    pub(crate) const fn layers(&self) -> SandboxLayers {
        self.layers
    }

    /// Whether the process runs, as far as the kernel has reported.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Connects this process to the one that finds figures. The two exchange frames without their parent.
    ///
    /// # Errors
    /// [`PdfError::Io`] if the socket cannot be handed over. Otherwise as for [`Self::ask`].
    pub(crate) async fn use_detector(&mut self, layout: Self) -> Result<(), PdfError> {
        let Self { socket, child, .. } = layout;
        let socket = socket.into_inner().into_std()?;
        socket.set_nonblocking(false)?;
        self.layout = Some(child);
        match self.ask_about(&Request::UseDetector, &OwnedFd::from(socket)).await? {
            (Reply::DetectorReady, _) => Ok(()),
            _ => Err(PdfError::WorkerCrashed),
        }
    }

    /// Sends a request and waits for its reply, without a time limit.
    ///
    /// # Errors
    /// [`PdfError::WorkerCrashed`] if the worker is dead or out of step, or its reply is no valid frame.
    pub(crate) async fn ask(&mut self, request: &Request, payload: &[u8]) -> Result<Answer, PdfError> {
        self.send(request, payload).await?;
        self.receive().await
    }

    /// As [`Self::ask`], with the descriptor of a file.
    ///
    /// # Errors
    /// As for [`Self::ask`].
    pub(crate) async fn ask_of(&mut self, request: &Request, file: &File) -> Result<Answer, PdfError> {
        self.ask_about(request, file).await
    }

    /// As [`Self::ask`], with a time limit.
    ///
    /// # Errors
    /// As for [`Self::ask`], and [`PdfError::Timeout`] after `limit`.
    pub(crate) async fn ask_within(
        &mut self,
        limit: Duration,
        request: &Request,
        payload: &[u8],
    ) -> Result<Answer, PdfError> {
        within(limit, self.ask(request, payload)).await
    }

    /// Sends a request. The caller then receives its replies one by one.
    ///
    /// # Errors
    /// As for [`Self::ask`].
    pub(crate) async fn send(&mut self, request: &Request, payload: &[u8]) -> Result<(), PdfError> {
        self.write_frame(request, payload).await.map_err(|_| PdfError::WorkerCrashed)
    }

    /// Waits for the next reply.
    ///
    /// # Errors
    /// As for [`Self::ask`].
    pub(crate) async fn receive(&mut self) -> Result<Answer, PdfError> {
        self.read_frame().await.map_err(|_| lost(PdfError::WorkerCrashed))
    }

    async fn ask_about(&mut self, request: &Request, descriptor: &impl AsFd) -> Result<Answer, PdfError> {
        self.write_with(request, descriptor).await.map_err(|_| PdfError::WorkerCrashed)?;
        self.receive().await
    }

    async fn write_frame(&mut self, request: &Request, payload: &[u8]) -> io::Result<()> {
        self.expect_silence()?;
        self.socket.write_all(&protocol::encode_head(request, payload)?).await?;
        self.socket.write_all(payload).await
    }

    async fn write_with(&mut self, request: &Request, descriptor: &impl AsFd) -> io::Result<()> {
        self.expect_silence()?;
        let head = protocol::encode_head(request, b"")?;
        let socket = self.socket.get_mut();
        let send = || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            let descriptors = [descriptor.as_fd()];
            control.push(SendAncillaryMessage::ScmRights(&descriptors));
            Ok(sendmsg(&*socket, &[IoSlice::new(&head)], &mut control, SendFlags::NOSIGNAL)?)
        };
        let sent = socket.async_io(Interest::WRITABLE, send).await?;
        self.socket.write_all(&head[sent..]).await
    }

    /// A worker that sent more than it was asked for is out of step.
    fn expect_silence(&self) -> io::Result<()> {
        if self.socket.buffer().is_empty() { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    async fn read_frame(&mut self) -> io::Result<Answer> {
        let mut prefix = [0; PREFIX_BYTES];
        self.socket.read_exact(&mut prefix).await?;
        let lengths = protocol::decode_prefix(prefix)?;
        let mut header = vec![0; lengths.header];
        self.socket.read_exact(&mut header).await?;
        let reply = protocol::decode_header(&header)?;
        if lengths.payload > answers::payload_bytes_max(&reply) as usize {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // Memory grows with what arrives, not with the length that the worker claims.
        let mut payload = Vec::new();
        let received = (&mut self.socket).take(lengths.payload as u64).read_to_end(&mut payload).await?;
        if received < lengths.payload {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok((reply, payload))
    }
}

/// Counts a lost worker.
fn lost(error: PdfError) -> PdfError {
    metrics::counter!("coldbrew_page_workers_lost_total").increment(1);
    error
}

/// Runs an exchange with a worker for at most `limit`.
///
/// # Errors
/// [`PdfError::Timeout`] after `limit`. Otherwise the errors of the exchange.
pub(crate) async fn within<T>(limit: Duration, talk: impl Future<Output = Result<T, PdfError>>) -> Result<T, PdfError> {
    tokio::time::timeout(limit, talk).await.unwrap_or_else(|_| Err(lost(PdfError::Timeout(limit))))
}
