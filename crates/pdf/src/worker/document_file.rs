//! The file of a document, of which there is only a descriptor.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Reads with `read` and `lseek` alone: what [`File`] has for whole files asks for its size by a system call that takes paths too.
/// Clones share the position.
#[derive(Clone)]
pub(super) struct DocumentFile(Arc<File>);

impl DocumentFile {
    pub(super) fn new(descriptor: OwnedFd) -> Self {
        Self(Arc::new(descriptor.into()))
    }

    /// All bytes, from the first on.
    pub(super) fn read_all(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.rewind()?;
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Read for DocumentFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl Seek for DocumentFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        (&*self.0).seek(position)
    }
}
