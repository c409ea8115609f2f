//! A minimal HTTP client, so that benchmarks measure the server and not the client.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that stays open between requests.
pub struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects to `host:port`.
    pub async fn open(addr: &str) -> Self {
        let socket = TcpStream::connect(addr).await.expect("the server listens");
        socket.set_nodelay(true).expect("it is a TCP socket");
        Self { socket, buffer: Vec::new() }
    }

    /// Sends a request and returns the whole answer, with its head.
    ///
    /// # Panics
    /// If the status is not 2xx.
    pub async fn ask(&mut self, request: &[u8]) -> &[u8] {
        self.socket.write_all(request).await.expect("the server listens");
        self.buffer.clear();
        let mut end = End::Unknown;
        while !end.is_reached(&self.buffer) {
            self.more().await;
        }
        assert!(self.buffer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&self.buffer));
        &self.buffer
    }

    /// Sends a request whose answer does not end, and reads until `word` has arrived.
    pub async fn listen(&mut self, request: &[u8], word: &[u8]) {
        self.socket.write_all(request).await.expect("the server listens");
        while !self.buffer.windows(word.len()).any(|window| window == word) {
            self.more().await;
        }
        // Frees the memory, because thousands of connections are open at once.
        self.buffer = Vec::new();
    }

    async fn more(&mut self) {
        let read = self.socket.read_buf(&mut self.buffer).await.expect("the server answers");
        assert!(read > 0, "the server closed: {}", String::from_utf8_lossy(&self.buffer));
    }
}

/// Where an answer ends. The head is parsed once.
enum End {
    Unknown,
    At(usize),
    AfterLastChunk,
}

impl End {
    fn is_reached(&mut self, answer: &[u8]) -> bool {
        if matches!(self, Self::Unknown) {
            let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
            *self = Self::from_head(&answer[..head]);
        }
        match self {
            Self::Unknown => false,
            Self::At(end) => answer.len() >= *end,
            Self::AfterLastChunk => answer.ends_with(b"\r\n0\r\n\r\n"),
        }
    }

    fn from_head(head: &[u8]) -> Self {
        let text = String::from_utf8_lossy(head);
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        match length {
            Some(length) => Self::At(head.len() + 4 + length.parse::<usize>().expect("a length")),
            None if text.starts_with("HTTP/1.1 204") => Self::At(head.len() + 4),
            None => Self::AfterLastChunk,
        }
    }
}

/// The value of a text field of a JSON answer.
pub fn field(answer: &[u8], name: &str) -> String {
    let answer = String::from_utf8_lossy(answer);
    let value = answer.split(&format!("\"{name}\":\"")).nth(1).and_then(|rest| rest.split('"').next());
    value.unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned()
}
