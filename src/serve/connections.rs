//! Takes connections and answers on them until it is told to stop. Then those that are idle are closed, and the others may finish.
//!
//! What a connection can cost is limited: one on which nobody says what is wanted, be it before a first request or between two, is
//! closed, and what has come of a body waits in a buffer of bounded size.

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
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceBuilder;

/// The largest head of a request, and the most of a body that waits to be looked at.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// How long a machine is left alone that can open no more files.
const PAUSE: Duration = Duration::from_secs(1);

/// Answers by `router` until `stop`, and until everybody has their answer. `silence_timeout`: how long to wait for the head of a request.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    silence_timeout: Duration,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(silence_timeout).max_buf_size(BUFFER_BYTES_MAX);
    let (open, mut stop) = (GracefulShutdown::new(), pin!(stop));
    loop {
        let (socket, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener) => accepted,
        };
        let service = ServiceBuilder::new()
            .map_request(|request: Request<Incoming>| request.map(Body::new))
            .layer(Extension(ConnectInfo::<SocketAddr>(peer)))
            .service(router.clone());
        let connection = http.serve_connection(TokioIo::new(socket), TowerToHyperService::new(service));
        let connection = open.watch(connection);
        tokio::spawn(async move {
            // Callers come and go as they like.
            if let Err(error) = connection.await {
                tracing::trace!(%error, "a connection broke");
            }
        });
    }
    drop(listener);
    open.shutdown().await;
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
