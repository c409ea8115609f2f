//! A rolling restart of two servers behind a plain load balancer: no request fails.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::support::harness::{TestServer, http};

/// How often the balancer asks each server.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// A server that the balancer knows.
struct Backend {
    addr: SocketAddr,
    /// Whether its last check succeeded.
    is_up: AtomicBool,
    connections: AtomicUsize,
}

/// Sends each connection to the next server whose last check succeeded. It does not retry.
struct Balancer {
    addr: SocketAddr,
    backends: Arc<[Backend]>,
}

impl Balancer {
    async fn start(addrs: [SocketAddr; 2]) -> Self {
        let backend = |addr| Backend { addr, is_up: false.into(), connections: 0.into() };
        let (backends, socket) = (Arc::from(addrs.map(backend)), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let balancer = Self { addr: socket.local_addr().unwrap(), backends };
        for index in 0..addrs.len() {
            tokio::spawn(check(balancer.backends.clone(), index));
        }
        tokio::spawn(forward(socket, balancer.backends.clone()));
        balancer
    }

    async fn wait_until(&self, index: usize, is_up: bool) {
        for _ in 0..600 {
            if self.backends[index].is_up.load(Ordering::SeqCst) == is_up {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("server {index} is not up: {is_up}");
    }
}

async fn check(backends: Arc<[Backend]>, index: usize) {
    let (http, backend) = (http(), &backends[index]);
    loop {
        let answer = http.get(format!("http://{}/readyz", backend.addr)).send().await;
        backend.is_up.store(answer.is_ok_and(|answer| answer.status().is_success()), Ordering::SeqCst);
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

async fn forward(socket: TcpListener, backends: Arc<[Backend]>) {
    for turn in 0.. {
        let (mut client, _) = socket.accept().await.unwrap();
        let up = backends.iter().filter(|backend| backend.is_up.load(Ordering::SeqCst));
        let up: Vec<_> = up.map(|backend| (backend.addr, &backend.connections)).collect();
        let Some((addr, connections)) = up.get(turn % up.len().max(1)) else { continue };
        connections.fetch_add(1, Ordering::Relaxed);
        let addr = *addr;
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect(addr).await {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}

/// Sends one request after the other until `stop`. Returns how many succeeded, and what failed.
async fn ask(http: reqwest::Client, url: String, token: String, stop: CancellationToken) -> (usize, Vec<String>) {
    let (mut succeeded, mut failed) = (0, Vec::new());
    while !stop.is_cancelled() {
        match http.get(&url).bearer_auth(&token).send().await {
            Ok(answer) if answer.status().is_success() => succeeded += 1,
            Ok(answer) => failed.push(answer.status().to_string()),
            Err(error) => failed.push(format!("{error:?}")),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (succeeded, failed)
}

fn free_addr() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_restart_under_load_fails_no_request() {
    let data = TempDir::new().unwrap();
    let addrs = [free_addr(), free_addr()];
    let start = async |index: usize| {
        let addr = addrs[index].to_string();
        let settings = [
            ("LEPTOS_SITE_ADDR", &*addr),
            ("COLDBREW_LAME_DUCK_MS", "2000"),
            ("COLDBREW_READS_PER_MINUTE", "0"),
            ("COLDBREW_FIGURE_RUNTIME", "none"),
        ];
        TestServer::start(&data, &settings).await
    };
    let mut servers = [start(0).await, start(1).await].map(Some);
    let token = servers[0].as_ref().unwrap().guest().await.token;
    let balancer = Balancer::start(addrs).await;
    for index in 0..2 {
        balancer.wait_until(index, true).await;
    }

    let (url, stop) = (format!("http://{}/v1/users/me", balancer.addr), CancellationToken::new());
    // Two clients keep their connection. Two make one for each request.
    let clients = [0, 0, 1, 1].map(|idle| reqwest::Client::builder().pool_max_idle_per_host(idle).build().unwrap());
    let asking = clients.map(|http| tokio::spawn(ask(http, url.clone(), token.clone(), stop.clone())));
    for (index, server) in servers.iter_mut().enumerate() {
        let before = balancer.backends[1 - index].connections.load(Ordering::Relaxed);
        server.take().unwrap().stop().await;
        balancer.wait_until(index, false).await;
        *server = Some(start(index).await);
        balancer.wait_until(index, true).await;
        assert!(balancer.backends[1 - index].connections.load(Ordering::Relaxed) > before, "the other one took over");
    }
    stop.cancel();
    let (mut succeeded, mut failed) = (0, Vec::new());
    for client in asking {
        let (of_client, failures) = client.await.unwrap();
        assert!(of_client > 0);
        succeeded += of_client;
        failed.extend(failures);
    }
    assert!(failed.is_empty(), "{} of {} failed: {:?}", failed.len(), succeeded + failed.len(), &failed[..1]);
}
