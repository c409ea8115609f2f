//! Which ports, hosts and addresses the server contacts for a caller.

use std::io;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use url::{Host, Url};

use super::not_allowed;
use super::public::{is_public, reached};
use crate::error::{Error, Result};
use crate::settings::Settings;

/// What the server may connect to.
#[derive(Clone, Debug)]
pub struct Targets {
    pub ports: Vec<u16>,
    pub deny: Vec<Denied>,
    /// Whether an address is on the public internet: `is_public`.
    pub is_public: fn(IpAddr) -> bool,
    /// This machine's own addresses. They are queried for each connection, because they change.
    pub own_addresses: fn() -> io::Result<Vec<IpAddr>>,
}

impl Targets {
    /// The host of the site's public URL is denied too.
    pub fn read(from: &mut Settings, public_url: Option<&str>) -> Self {
        let ports = from.list("import.ports", "COLDBREW_IMPORT_PORTS").unwrap_or_else(|| vec![80, 443, 8080, 8443]);
        let mut deny = from.list("import.deny", "COLDBREW_IMPORT_DENY").unwrap_or_default();
        let own = public_url.and_then(|url| Url::parse(url).ok());
        deny.extend(own.and_then(|url| url.host_str()?.parse().ok()));
        Self::on_the_internet(ports, deny)
    }

    /// Admits public addresses that are neither this machine's nor denied.
    fn on_the_internet(ports: Vec<u16>, deny: Vec<Denied>) -> Self {
        Self { ports, deny, is_public, own_addresses }
    }

    /// Checks the host and the port of a connection before the host is resolved.
    ///
    /// # Errors
    /// `url_not_allowed` with the reason.
    pub fn admits_host(&self, host: &Host, port: u16) -> Result<()> {
        if !self.ports.contains(&port) {
            let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
            return Err(not_allowed(&format!("Only links with these ports can be imported: {}.", ports.join(", "))));
        }
        match host {
            Host::Domain(name) if self.deny.iter().any(|denied| denied.is_host(name)) => Err(denied()),
            _ => Ok(()),
        }
    }

    /// Checks all resolved addresses of a host.
    ///
    /// # Errors
    /// `url_not_allowed` with the reason; `unavailable` if this machine's addresses cannot be queried.
    pub fn admits(&self, addresses: &[IpAddr]) -> Result<()> {
        let own = (self.own_addresses)().map_err(Error::unavailable)?;
        for &address in addresses {
            if !(self.is_public)(address) {
                return Err(not_allowed("Only public web links can be imported."));
            }
            let address = reached(address);
            if own.contains(&address) || self.deny.iter().any(|denied| denied.has(address)) {
                return Err(denied());
            }
        }
        Ok(())
    }
}

/// The same message for both cases, so that a caller does not learn the addresses of this server.
fn denied() -> Error {
    not_allowed("This server does not import from that host.")
}

/// The addresses of this machine's network interfaces.
fn own_addresses() -> io::Result<Vec<IpAddr>> {
    Ok(if_addrs::get_if_addrs()?.iter().map(|interface| interface.ip().to_canonical()).collect())
}

/// A denied host with all its subdomains, or a denied network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    Host(String),
    Network(IpNet),
}

impl Denied {
    fn is_host(&self, name: &str) -> bool {
        let Self::Host(host) = self else { return false };
        let below = name.trim_end_matches('.').strip_suffix(host.as_str());
        below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
    }

    fn has(&self, address: IpAddr) -> bool {
        matches!(self, Self::Network(network) if network.contains(&address))
    }
}

impl FromStr for Denied {
    type Err = String;

    /// Parses `example.org`, `203.0.113.7` or `203.0.113.0/24`.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(network) = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
            return Ok(Self::Network(network));
        }
        match Host::parse(text) {
            Ok(Host::Domain(name)) => Ok(Self::Host(name.trim_end_matches('.').to_owned())),
            _ => Err("neither a host name, nor an address, nor a network such as 203.0.113.0/24".to_owned()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn denies(deny: &str, host: &str) -> bool {
        let targets = Targets::on_the_internet(vec![80], vec![deny.parse().unwrap()]);
        let host = Host::parse(host).unwrap();
        let addresses: Vec<IpAddr> = match &host {
            Host::Ipv4(address) => vec![IpAddr::V4(*address)],
            Host::Ipv6(address) => vec![IpAddr::V6(*address)],
            Host::Domain(_) => Vec::new(),
        };
        targets.admits_host(&host, 80).is_err() || targets.admits(&addresses).is_err()
    }

    #[test]
    fn denied_host_includes_its_subdomains() {
        for host in ["example.org", "EXAMPLE.org.", "a.b.example.org", "ex%61mple.org"] {
            assert!(denies("Example.org", host), "{host}");
        }
        for host in ["anexample.org", "example.org.evil.com", "org"] {
            assert!(!denies("example.org", host), "{host}");
        }
        assert!(denies("bücher.example", "xn--bcher-kva.example"));
    }

    #[test]
    fn denied_address_is_recognized_in_every_form() {
        for host in ["8.8.4.4", "[::ffff:8.8.4.4]", "[64:ff9b::808:404]", "0x08080404"] {
            assert!(denies("8.8.4.4", host), "{host}");
            assert!(denies("8.8.0.0/16", host), "{host}");
        }
        assert!(!denies("8.8.4.4", "8.8.8.8"));
        assert!(denies("2606:4700::/32", "[2606:4700::1111]"));
    }

    #[test]
    fn denied_setting_malformed_is_an_error() {
        for text in ["", "10.0.0.0/40", "a b", "http://example.org"] {
            assert!(text.parse::<Denied>().is_err(), "{text}");
        }
    }

    #[test]
    fn own_addresses_are_denied_in_every_form() {
        let own = own_addresses().unwrap();
        assert!(own.iter().any(IpAddr::is_loopback), "{own:?}");
        let not_ours = || Ok(vec!["8.8.8.8".parse().unwrap()]);
        let targets = Targets { own_addresses: not_ours, ..Targets::on_the_internet(vec![80], Vec::new()) };
        assert!(targets.admits(&["8.8.8.8".parse().unwrap()]).is_err());
        assert!(targets.admits(&["64:ff9b::808:808".parse().unwrap()]).is_err());
        assert!(targets.admits(&["8.8.4.4".parse().unwrap()]).is_ok());
    }
}
