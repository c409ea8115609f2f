//! What the server listens on, which host names it answers to, and what connections may cost.

use std::net::SocketAddr;
use std::time::Duration;

use http::uri::Authority;

use super::Source;

/// Listeners and the limits of their connections.
#[derive(Clone, Debug)]
pub struct Listening {
    /// Host names beside `public-url`'s and loopback, in lower case and without a port.
    pub hosts: Vec<String>,
    /// Where `/readyz` and `/metrics` are served. `None`: on the public listener.
    pub operations_addr: Option<SocketAddr>,
    /// Open connections in all.
    pub connections_max: usize,
    /// Open connections of one client network.
    pub network_connections_max: usize,
    /// How long a response may wait for its client to read on.
    pub read_timeout: Duration,
}

impl Listening {
    pub(super) fn read(source: &mut Source) -> Self {
        let hosts: Vec<String> = source.list("site.hosts", "COLDBREW_HOSTS").unwrap_or_default();
        if !hosts.iter().all(|host| is_host(host)) {
            source.complain("site.hosts (COLDBREW_HOSTS) must be host names or addresses without a port");
        }
        Self {
            hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            operations_addr: source.maybe("site.operations-addr", "COLDBREW_OPERATIONS_ADDR"),
            connections_max: source.at_least_1("limits.connections-max", "COLDBREW_CONNECTIONS_MAX", 8_192),
            network_connections_max: source.at_least_1(
                "limits.network-connections-max",
                "COLDBREW_NETWORK_CONNECTIONS_MAX",
                512,
            ),
            read_timeout: source.interval("limits.read-timeout-ms", "COLDBREW_READ_TIMEOUT_MS", 60_000),
        }
    }
}

fn is_host(text: &str) -> bool {
    text.parse::<Authority>().is_ok_and(|authority| authority.host() == text)
}
