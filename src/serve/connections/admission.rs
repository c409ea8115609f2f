//! Limits the open connections, in all and for each client network. Each costs an open file and memory before its first request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strum::IntoStaticStr;

use crate::accounts::Network;
use crate::api::Proxies;
use crate::settings::{SECOND, Settings};

/// Limits of connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// The most open connections of one listener.
    pub connections_max: usize,
    /// The most open connections of one network. Loopback and the networks of proxies are exempt: many clients share them.
    pub network_max: usize,
    /// How long a response may wait for its client to read.
    pub read_timeout: Duration,
}

impl ConnectionLimits {
    pub(in crate::serve) fn read(from: &mut Settings) -> Self {
        Self {
            connections_max: from.positive("limits.connections-max", "COLDBREW_CONNECTIONS_MAX", 8_192),
            network_max: from.positive("limits.network-connections-max", "COLDBREW_NETWORK_CONNECTIONS_MAX", 512),
            read_timeout: from.interval("limits.read-timeout-ms", "COLDBREW_READ_TIMEOUT_MS", 60 * SECOND),
        }
    }
}

/// Counts the open connections of one listener. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Admission(Arc<Counts>);

struct Counts {
    limits: ConnectionLimits,
    proxies: Proxies,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    connections: usize,
    networks: HashMap<Network, usize>,
}

/// The limit that a connection would exceed. Metrics use its name as a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Limit {
    Server,
    Network,
}

/// Counts an open connection until it is dropped.
pub(crate) struct ConnectionPermit {
    admission: Admission,
    network: Option<Network>,
}

impl Admission {
    /// Without open connections.
    pub(crate) fn new(limits: ConnectionLimits, proxies: Proxies) -> Self {
        Self(Arc::new(Counts { limits, proxies, open: Mutex::default() }))
    }

    /// Counts a connection from `peer`.
    ///
    /// # Errors
    /// The limit that the connection would exceed. It is not counted then.
    pub(crate) fn admit(&self, peer: IpAddr) -> Result<ConnectionPermit, Limit> {
        let Counts { limits, proxies, .. } = &*self.0;
        let network = Network::of(peer).filter(|_| !proxies.include(peer));
        let mut open = self.open();
        if open.connections >= limits.connections_max {
            return Err(Limit::Server);
        }
        if let Some(network) = network {
            let connections = open.networks.entry(network).or_default();
            if *connections >= limits.network_max {
                return Err(Limit::Network);
            }
            *connections += 1;
        }
        open.connections += 1;
        Ok(ConnectionPermit { admission: self.clone(), network })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.connections -= 1;
        let Some(network) = self.network else { return };
        if let Some(connections) = open.networks.get_mut(&network) {
            *connections -= 1;
            if *connections == 0 {
                open.networks.remove(&network);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn admission(connections_max: usize, network_max: usize) -> Admission {
        let proxies = Proxies { networks: vec!["10.0.0.0/8".parse().unwrap()], ..Proxies::default() };
        Admission::new(ConnectionLimits { connections_max, network_max, read_timeout: SECOND }, proxies)
    }

    fn admit(admission: &Admission, peer: &str) -> Result<ConnectionPermit, Limit> {
        admission.admit(peer.parse().unwrap())
    }

    #[test]
    fn network_at_its_limit_is_refused_and_others_are_not() {
        let admission = admission(100, 2);
        let first = admit(&admission, "203.0.113.1").unwrap();
        let _second = admit(&admission, "203.0.113.2").unwrap();
        assert_eq!(admit(&admission, "203.0.113.3").err(), Some(Limit::Network), "the same /24");
        let _other = admit(&admission, "203.0.112.1").unwrap();
        drop(first);
        let _again = admit(&admission, "203.0.113.3").unwrap();
        assert_eq!(admit(&admission, "203.0.113.1").err(), Some(Limit::Network));
    }

    #[test]
    fn loopback_and_proxies_are_limited_only_in_all() {
        let admission = admission(6, 1);
        let peers = ["127.0.0.1", "::1", "10.1.2.3", "::ffff:10.1.2.3", "10.1.2.3", "127.0.0.1"];
        let _permits = peers.map(|peer| admit(&admission, peer).unwrap());
        for peer in ["127.0.0.1", "10.1.2.3", "203.0.113.1"] {
            assert_eq!(admit(&admission, peer).err(), Some(Limit::Server), "{peer}");
        }
    }

    #[test]
    fn network_without_connections_keeps_no_entry() {
        let admission = admission(100, 2);
        for third in 0..=255_u8 {
            drop(admission.admit([203, 0, third, 1].into()).unwrap());
        }
        let open = admission.open();
        assert!(open.networks.is_empty());
        assert_eq!(open.connections, 0);
    }

    #[test]
    fn refused_connection_is_not_counted() {
        let admission = admission(1, 1);
        let only = admit(&admission, "203.0.113.1").unwrap();
        for _ in 0..3 {
            assert!(admit(&admission, "203.0.112.1").is_err());
        }
        assert_eq!(admission.open().networks.len(), 1);
        drop(only);
        assert!(admit(&admission, "203.0.112.1").is_ok());
    }
}
