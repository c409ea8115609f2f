//! The network between a server and one of its stores, which a test cuts without closing a connection.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections to a store until it is cut. A connection that was open then stays open, and nothing arrives on it any more.
pub struct Line {
    port: u16,
    target: u16,
    /// Whether new connections are forwarded, and how often the line was cut.
    state: Arc<watch::Sender<(bool, u32)>>,
}

impl Line {
    /// A line to the store at this URL of a host with a port.
    pub async fn to(url: &str) -> Self {
        let target = url::Url::parse(url).unwrap().port().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(watch::Sender::new((true, 0)));
        let accepting = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(forward(stream, target, accepting.subscribe()));
            }
        });
        Self { port, target, state }
    }

    /// The URL of the store over this line.
    pub fn url(&self, url: &str) -> String {
        url.replace(&format!(":{}", self.target), &format!(":{}", self.port))
    }

    /// Cuts the line. Its users get no answer and no error.
    pub fn cut(&self) {
        self.state.send_modify(|(forwards, cuts)| (*forwards, *cuts) = (false, *cuts + 1));
    }

    /// Forwards new connections again, as to a new host. Earlier ones stay silent.
    pub fn restore(&self) {
        self.state.send_modify(|(forwards, _)| *forwards = true);
    }
}

async fn forward(mut stream: TcpStream, target: u16, mut state: watch::Receiver<(bool, u32)>) {
    let (forwards, cuts) = *state.borrow_and_update();
    let forwarding = async {
        if forwards && let Ok(mut store) = TcpStream::connect(("127.0.0.1", target)).await {
            let cut = async { state.wait_for(|(_, now)| *now != cuts).await.is_ok() };
            tokio::select! {
                _ = copy_bidirectional(&mut stream, &mut store) => return,
                true = cut => {}
            }
            // The socket to the store is open, too: it learns nothing either.
            std::future::pending::<()>().await;
        }
        std::future::pending().await
    };
    forwarding.await;
}

#[tokio::test]
async fn connection_over_a_line_that_is_cut_stays_open_and_silent() {
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://127.0.0.1:{}", echo.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = echo.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    let line = Line::to(&url).await;
    let mut streams = Vec::new();
    for step in 0..3 {
        match step {
            1 => line.cut(),
            2 => line.restore(),
            _ => {}
        }
        streams.push(TcpStream::connect(("127.0.0.1", line.port)).await.unwrap());
        let mut answers = Vec::new();
        for stream in &mut streams {
            stream.write_all(b"a").await.unwrap();
            answers.push(timeout(Duration::from_millis(300), stream.read_u8()).await.is_ok());
        }
        assert_eq!(answers, [&[true][..], &[false, false], &[false, false, true]][step]);
    }
}
