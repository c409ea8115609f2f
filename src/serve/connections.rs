//! Accepts connections and serves HTTP on them until the server stops. Then idle connections are closed, and running requests may finish.
//! Some time before, each response asks its client to use another connection for the next request.
//!
//! The cost of a connection is limited. A connection without a request is closed after a timeout, before the first request and between
//! requests. A request body is read through a bounded buffer. A response that its client does not read ends. [`admission`] limits the
//! number of connections.

mod admission;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::{Extension, Router};
use http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, getrlimit};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutWriter;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

use crate::api::{LocalAddress, Proxies};
use crate::metrics::connection_refused;
use admission::Admission;

pub(super) use admission::ConnectionLimits;

/// The largest head of a request, and the most bytes of a body that are buffered.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// How many bytes of a response the kernel buffers that it cannot send yet.
const UNSENT_BYTES_MAX: u32 = 64 * 1024;
/// How long to wait after accepting failed, for example because the process has too many open files.
const PAUSE: Duration = Duration::from_secs(1);

/// A listening socket, with the routes for its connections.
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    pub(super) router: Router,
    pub(super) limits: ConnectionLimits,
    pub(super) proxies: Proxies,
    /// How long to wait for the head of a request.
    pub(super) silence_timeout: Duration,
}

impl Listener {
    /// Serves until `stop`, and then until every response has ended. From `stopping` on, each response ends its connection.
    pub(super) async fn serve(self, stopping: CancellationToken, stop: impl Future<Output = ()>) {
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
            // It fails if the client has already closed the connection.
            let Ok(local) = socket.local_addr() else { continue };
            let stopping = stopping.clone();
            let service = ServiceBuilder::new()
                .map_response(move |response| if stopping.is_cancelled() { ending(response) } else { response })
                .map_request(|request: Request<Incoming>| request.map(Body::new))
                .layer(Extension(ConnectInfo::<SocketAddr>(peer)))
                .layer(Extension(LocalAddress(local.ip())))
                .service(self.router.clone());
            let stream = TokioIo::new(Box::pin(ending_unread(socket, self.limits.read_timeout)));
            let connection = open.watch(http.serve_connection(stream, TowerToHyperService::new(service)));
            tokio::spawn(async move {
                // A client may break a connection at any time, so this is no error of the server.
                if let Err(error) = connection.await {
                    tracing::trace!(%error, "connection broken");
                }
                drop(permit);
            });
        }
        drop(self.socket);
        open.shutdown().await;
    }
}

/// A response after which its connection is closed.
fn ending(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The configured limit, but at most half of the files that the process may open: documents, databases and page processes need some too.
fn connections_max(configured: usize) -> usize {
    let files_max = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
    files_max.map_or(configured, |files| configured.min(files / 2))
}

/// A stream on which a write fails if the client reads nothing for `read_timeout`. An idle stream has no timeout.
fn ending_unread(socket: TcpStream, read_timeout: Duration) -> TimeoutWriter<TcpStream> {
    let options = SockRef::from(&socket);
    // Otherwise a slow client would have to read megabytes from the kernel's buffer before the next write succeeds
    // (<https://www.kernel.org/doc/Documentation/networking/ip-sysctl.txt>, `tcp_notsent_lowat`, read 2026-11-30).
    let _ = options.set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
    // After the end of the connection, the kernel would try for up to 20 minutes to send what is buffered
    // (<https://man7.org/linux/man-pages/man7/tcp.7.html>, `TCP_USER_TIMEOUT`, read 2026-11-30).
    let _ = options.set_tcp_user_timeout(Some(read_timeout));
    let mut stream = TimeoutWriter::new(socket);
    stream.set_timeout(Some(read_timeout));
    stream
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                // Without delay, small parts of an answer are sent at once. It fails if the client has closed the connection.
                let _ = socket.set_nodelay(true);
                return (socket, peer);
            }
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                tracing::warn!(%error, "accepting connections failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
