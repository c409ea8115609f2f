//! Splits a stream into lines, with a limit for the length of a line.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// The lines of a stream. A line beyond the limit is skipped and takes no memory.
pub struct Lines<R> {
    reader: R,
    bytes_max: usize,
    line: Vec<u8>,
}

/// A line without its line feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    Whole(&'a [u8]),
    /// The last line, if the stream does not end with a line feed.
    Unterminated(&'a [u8]),
    /// A line beyond the limit, which was skipped.
    TooLong,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// Reads lines from `reader`. `bytes_max` is the limit of a line in bytes, without its line feed.
    pub const fn new(reader: R, bytes_max: usize) -> Self {
        Self { reader, bytes_max, line: Vec::new() }
    }

    /// Returns the next line; `None` at the end.
    ///
    /// # Errors
    /// Any error of the reader.
    pub async fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        // Releases the memory of a long line.
        if self.line.capacity() > 4 << 20 {
            self.line = Vec::new();
        }
        self.line.clear();
        let mut length = 0;
        loop {
            let available = self.reader.fill_buf().await?;
            if available.is_empty() {
                return Ok(match length {
                    0 => None,
                    _ if length > self.bytes_max => Some(Line::TooLong),
                    _ => Some(Line::Unterminated(&self.line)),
                });
            }
            let end = memchr::memchr(b'\n', available);
            let piece = &available[..end.unwrap_or(available.len())];
            length += piece.len();
            if length <= self.bytes_max {
                self.line.extend_from_slice(piece);
            }
            let consumed = piece.len() + usize::from(end.is_some());
            self.reader.consume(consumed);
            if end.is_some() {
                return Ok(Some(if length > self.bytes_max { Line::TooLong } else { Line::Whole(&self.line) }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt, BufReader, repeat};

    use super::*;

    #[tokio::test]
    async fn line_beyond_the_limit_takes_no_memory() {
        let mut lines = Lines::new(BufReader::new(repeat(b'x').take(10 << 20)), 1_000);
        assert_eq!(lines.next().await.unwrap(), Some(Line::TooLong));
        assert!(lines.line.capacity() < 10_000, "{}", lines.line.capacity());
    }

    #[tokio::test]
    async fn memory_of_a_long_line_is_released_at_the_next() {
        let text = [vec![b'x'; 5 << 20], b"\nshort\n".to_vec()].concat();
        let mut lines = Lines::new(text.as_slice(), 8 << 20);
        assert!(matches!(lines.next().await.unwrap(), Some(Line::Whole(line)) if line.len() == 5 << 20));
        assert_eq!(lines.next().await.unwrap(), Some(Line::Whole(b"short")));
        assert!(lines.line.capacity() < 1 << 20, "{}", lines.line.capacity());
    }
}
