//! The worker's end of a socket: frames, and the descriptors that come with them.

use std::fs::File;
use std::io::{self, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::protocol::{read_frame, write_frame};

/// A received frame.
pub(super) struct Frame<T> {
    pub header: T,
    pub payload: Vec<u8>,
    pub descriptor: Option<OwnedFd>,
}

/// The worker's end of a socket. It writes through a file, which needs only the system call `write`.
pub(super) struct Channel {
    socket: File,
    descriptor: Option<OwnedFd>,
}

impl Channel {
    /// The channel to the parent process, which is standard input.
    pub(super) fn to_parent() -> io::Result<Self> {
        Ok(Self::over(io::stdin().as_fd().try_clone_to_owned()?))
    }

    pub(super) fn over(socket: OwnedFd) -> Self {
        Self { socket: socket.into(), descriptor: None }
    }

    /// Receives the next frame. `None` if the other side closed the socket.
    pub(super) fn receive<T: DeserializeOwned>(&mut self) -> io::Result<Option<Frame<T>>> {
        let Some((header, payload)) = read_frame(self)? else { return Ok(None) };
        Ok(Some(Frame { header, payload, descriptor: self.descriptor.take() }))
    }

    pub(super) fn send<T: Serialize>(&mut self, header: &T, payload: &[u8]) -> io::Result<()> {
        write_frame(&mut self.socket, header, payload)
    }

    /// Sends a frame and waits for its answer.
    pub(super) fn ask<Q: Serialize, A: DeserializeOwned>(
        &mut self,
        header: &Q,
        payload: &[u8],
    ) -> io::Result<Frame<A>> {
        self.send(header, payload)?;
        self.receive()?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            match recvmsg(&self.socket, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC) {
                Err(Errno::INTR) => {}
                received => break received?,
            }
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptor = descriptors.last().or(self.descriptor.take());
            }
        }
        Ok(received.bytes)
    }
}
