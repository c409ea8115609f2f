//! Takes connections and answers on them until it is told to stop. Then idle ones are closed, and the others may finish.
//!
//! What a connection can cost is limited. A connection without a request is closed after a timeout, before the first request and between
//! requests. A request body is read through a bounded buffer. A response that its client does not read ends. [`admission`] bounds how many
//! connections there are.

mod admission;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, getrlimit};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutWriter;
use tower::ServiceBuilder;

use crate::api::{LocalAddress, Proxies};
use crate::metrics::connection_refused;
use admission::Admission;

pub(super) use admission::ConnectionLimits;

/// The largest head of a request, and the most of a body that waits to be looked at.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// What the kernel holds of a response beyond what the client has room for.
const UNSENT_BYTES_MAX: u32 = 64 * 1024;
/// How long to wait when the process can open no more files.
const PAUSE: Duration = Duration::from_secs(1);

/// A socket with the routes that answer on its connections.
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    pub(super) router: Router,
    pub(super) limits: ConnectionLimits,
    pub(super) proxies: Proxies,
    /// How long to wait for the head of a request.
    pub(super) silence_timeout: Duration,
}

impl Listener {
    /// Answers until `stop`, and until every response has ended.
    pub(super) async fn serve(self, stop: impl Future<Output = ()>) {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.silence_timeout).max_buf_size(BUFFER_BYTES_MAX);
        let connections_max = connections_max(self.limits.connections_max);
        let admission = Admission::new(ConnectionLimits { connections_max, ..self.limits }, self.proxies);
        let (open, mut stop) = (GracefulShutdown::new(), pin!(stop));
        loop {
            let (socket, peer) = tokio::select! {
                () = &mut stop => break,
                accepted = accept(&self.socket) => accepted,
            };
            let permit = match admission.admit(peer.ip()) {
                Ok(permit) => permit,
                Err(limit) => {
                    connection_refused(limit.into_str());
                    continue;
                }
            };
            // A socket that is gone already has none.
            let Ok(local) = socket.local_addr() else { continue };
            let service = ServiceBuilder::new()
                .map_request(|request: Request<Incoming>| request.map(Body::new))
                .layer(Extension(ConnectInfo::<SocketAddr>(peer)))
                .layer(Extension(LocalAddress(local.ip())))
                .service(self.router.clone());
            let stream = TokioIo::new(Box::pin(ending_unread(socket, self.limits.read_timeout)));
            let connection = open.watch(http.serve_connection(stream, TowerToHyperService::new(service)));
            tokio::spawn(async move {
                // Clients come and go as they like.
                if let Err(error) = connection.await {
                    tracing::trace!(%error, "a connection broke");
                }
                drop(permit);
            });
        }
        drop(self.socket);
        open.shutdown().await;
    }
}

/// Never more than half of the files that the process may open: documents, databases and page processes need some as well.
fn connections_max(configured: usize) -> usize {
    let files_max = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
    files_max.map_or(configured, |files| configured.min(files / 2))
}

/// A stream on which a write fails that cannot go on for that long. A stream on which nothing is written stays as it is.
fn ending_unread(socket: TcpStream, read_timeout: Duration) -> TimeoutWriter<TcpStream> {
    let options = SockRef::from(&socket);
    // Else a client that reads slowly would have to empty megabytes of the kernel's buffer before a write can go on.
    let _ = options.set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
    // The kernel keeps what was written before the end, and would go on trying to send it for minutes.
    let _ = options.set_tcp_user_timeout(Some(read_timeout));
    let mut stream = TimeoutWriter::new(socket);
    stream.set_timeout(Some(read_timeout));
    stream
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                // The pieces of an answer are not to wait for each other. A socket that is gone already cannot be told so.
                let _ = socket.set_nodelay(true);
                return (socket, peer);
            }
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
