//! Which reverse proxies stand in front of this server, and what is believed of what they say.

use http::HeaderName;
use ipnet::IpNet;

use super::Source;

/// The reverse proxies in front of this server.
#[derive(Clone, Debug)]
pub struct Proxies {
    /// The header in which a proxy names the client's address. `None`: the connection's own address counts.
    pub header: Option<HeaderName>,
    /// Networks of proxies: the header and `traceparent` count only from these.
    pub networks: Vec<IpNet>,
    /// How many proxies add an address to the header. The client is the so manieth address from the right.
    pub hops: usize,
}

impl Proxies {
    pub(super) fn read(source: &mut Source) -> Self {
        let header = source.maybe("site.client-address-header", "COLDBREW_CLIENT_ADDRESS_HEADER");
        let networks = source.list("site.proxy-networks", "COLDBREW_PROXY_NETWORKS");
        let own = if header.is_some() { OWN_NETWORKS } else { &[] };
        Self {
            header,
            networks: networks.unwrap_or_else(|| own.iter().filter_map(|network| network.parse().ok()).collect()),
            hops: source.at_least_1("site.proxy-hops", "COLDBREW_PROXY_HOPS", 1),
        }
    }
}

/// Loopback and private networks: no client on the internet connects from there.
const OWN_NETWORKS: &[&str] =
    &["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10"];
