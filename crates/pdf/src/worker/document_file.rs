//! The file of a document, for which the worker has only a descriptor.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Reads with `read` and `lseek` alone. The methods of [`File`] that read whole files ask for the size with a system call that also takes
/// paths. Clones share the position.
#[derive(Clone)]
pub(super) struct DocumentFile(Arc<File>);

impl DocumentFile {
    pub(super) fn new(descriptor: OwnedFd) -> Self {
        Self(Arc::new(descriptor.into()))
    }

    /// Reads the whole file from its start.
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
