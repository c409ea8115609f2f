//! The client's address: that of the connection, or the one that a configured reverse proxy reports.
//!
//! Any client can send these headers. They count only on connections from a configured proxy.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{Extensions, HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::settings::Settings;

/// Loopback and private networks. No client on the internet connects from them.
const OWN_NETWORKS: &[&str] =
    &["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10"];

/// The reverse proxies in front of this server. By default there are none.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// The header in which a proxy reports the client's address.
    pub header: Option<HeaderName>,
    /// The networks that proxies connect from.
    pub networks: Vec<IpNet>,
    /// How many proxies add an address to the header; at least 1.
    pub hops: usize,
}

impl Proxies {
    /// If a header is set but no networks, the networks are loopback and private networks.
    pub fn read(from: &mut Settings) -> Self {
        let header = from.maybe("site.client-address-header", "COLDBREW_CLIENT_ADDRESS_HEADER");
        let networks = from.list("site.proxy-networks", "COLDBREW_PROXY_NETWORKS");
        let own = if header.is_some() { OWN_NETWORKS } else { &[] };
        Self {
            header,
            networks: networks.unwrap_or_else(|| own.iter().filter_map(|network| network.parse().ok()).collect()),
            hops: from.positive("site.proxy-hops", "COLDBREW_PROXY_HOPS", 1),
        }
    }

    /// Whether this address is a proxy's.
    pub fn include(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.networks.iter().any(|network| network.contains(&peer))
    }

    /// The client's address. Each proxy appends one address, so the client's is counted from the right. Addresses further left may be
    /// forged.
    fn client_of(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let Some(name) = self.header.as_ref().filter(|_| self.include(peer)) else { return peer };
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let listed: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
        listed.get(listed.len().saturating_sub(self.hops)).and_then(|text| address(text)).unwrap_or(peer)
    }
}

/// Parses an address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip())).ok()
}

/// The client's address, as determined by [`resolve`].
#[derive(Clone, Copy)]
struct ClientAddress(IpAddr);

/// Headers that make a request part of its caller's trace.
const TRACE_HEADERS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// Determines the client's address. Removes trace headers unless a proxy sent them.
pub(crate) fn resolve(proxies: &Proxies, request: &mut Request) {
    let peer = request.extensions().get().map(|ConnectInfo::<SocketAddr>(peer)| peer.ip());
    if !peer.is_some_and(|peer| proxies.include(peer)) {
        for name in TRACE_HEADERS {
            request.headers_mut().remove(name);
        }
    }
    if let Some(peer) = peer {
        let client = proxies.client_of(request.headers(), peer);
        request.extensions_mut().insert(ClientAddress(client));
    }
}

/// The client's address that [`resolve`] determined. `None` if the connection has no address.
pub(crate) fn of(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get().map(|ClientAddress(address)| *address)
}

/// Marks a request as [`resolve`] does.
#[cfg(test)]
pub(crate) fn resolved_for_test(request: &mut Request, address: IpAddr) {
    request.extensions_mut().insert(ClientAddress(address));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HEADER: &str = "x-forwarded-for";

    fn client(hops: usize, values: &[&str], peer: &str) -> String {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()).to_vec();
        let proxies = Proxies { header: Some(HeaderName::from_static(HEADER)), networks, hops };
        let headers = values.iter().map(|value| (HeaderName::from_static(HEADER), value.parse().unwrap())).collect();
        proxies.client_of(&headers, peer.parse().unwrap()).to_string()
    }

    #[test]
    fn header_of_a_proxy_gives_the_clients_address() {
        assert_eq!(client(1, &["7.7.7.7"], "10.1.2.3"), "7.7.7.7");
        assert_eq!(client(1, &["7.7.7.7"], "::ffff:10.1.2.3"), "7.7.7.7");
        assert_eq!(client(1, &["2001:db8::7"], "fd00::1"), "2001:db8::7");
        assert_eq!(client(1, &["7.7.7.7:443"], "10.1.2.3"), "7.7.7.7", "with a port");
        assert_eq!(client(1, &["[2001:db8::7]:443"], "10.1.2.3"), "2001:db8::7");
    }

    #[test]
    fn header_of_another_peer_is_ignored() {
        for peer in ["1.1.1.1", "127.0.0.1", "2001:db8::1"] {
            assert_eq!(client(1, &["7.7.7.7"], peer), peer);
        }
        let unconfigured = Proxies::default();
        let headers = HeaderMap::from_iter([(HeaderName::from_static(HEADER), "7.7.7.7".parse().unwrap())]);
        assert_eq!(unconfigured.client_of(&headers, [10, 1, 2, 3].into()), IpAddr::from([10, 1, 2, 3]));
    }

    #[test]
    fn forged_addresses_left_of_the_proxies_own_are_ignored() {
        assert_eq!(client(1, &["6.6.6.6, 7.7.7.7"], "10.1.2.3"), "7.7.7.7");
        assert_eq!(client(1, &["6.6.6.6", "7.7.7.7"], "10.1.2.3"), "7.7.7.7", "header lines are joined to one list");
        assert_eq!(client(2, &["6.6.6.6, 7.7.7.7", "10.9.9.9"], "10.1.2.3"), "7.7.7.7");
        assert_eq!(client(2, &["7.7.7.7"], "10.1.2.3"), "7.7.7.7", "the request passed only one proxy");
    }

    #[test]
    fn header_without_an_address_gives_the_peers_address() {
        for values in [&[][..], &[""], &["unknown"], &["7.7.7.7, "], &["7.7.7.7.7"]] {
            assert_eq!(client(1, values, "10.1.2.3"), "10.1.2.3", "{values:?}");
        }
    }
}
