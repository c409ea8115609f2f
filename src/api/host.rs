//! The check of the requested host name.
//!
//! A page of another site can point its own name at this server's address (DNS rebinding), and then counts as same-origin. So a request for
//! an unknown host is refused before anything else is done.

use std::net::{IpAddr, Ipv6Addr};

use axum::extract::Request;
use axum::http::header;
use axum::http::uri::Authority;

use crate::error::{Error, Result};
use crate::model::ErrorCode;
use crate::settings::Settings;

/// The address of this machine at which a connection arrived.
#[derive(Clone, Copy, Debug)]
pub struct LocalAddress(pub IpAddr);

/// The accepted host names besides loopback and the connection's own address. Lower case, without a port.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// The host of `public_url`, and the names that the operator configures.
    pub fn read(from: &mut Settings, public_url: Option<&str>) -> Self {
        let listed: Vec<String> = from.list("site.hosts", "COLDBREW_HOSTS").unwrap_or_default();
        if !listed.iter().all(|host| is_host(host)) {
            from.complain("site.hosts (COLDBREW_HOSTS) must be host names or addresses without a port");
        }
        let public = public_url.and_then(|url| Some(url::Url::parse(url).ok()?.host_str()?.to_owned()));
        Self(public.into_iter().chain(listed.iter().map(|host| host.to_ascii_lowercase())).collect())
    }

    /// Whether `host`, which has no port, is accepted. An IP address is if it is loopback or the address at which the connection arrived.
    fn include(&self, host: &str, local: Option<IpAddr>) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let is_own = |address: IpAddr| address.is_loopback() || Some(address) == local;
        host == "localhost" || literal(&host).is_some_and(is_own) || self.0.contains(&host)
    }
}

fn is_host(text: &str) -> bool {
    text.parse::<Authority>().is_ok_and(|authority| authority.host() == text)
}

fn literal(host: &str) -> Option<IpAddr> {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let address = inner.map_or_else(|| host.parse().ok(), |host| Some(IpAddr::V6(host.parse::<Ipv6Addr>().ok()?)));
    address.map(|address| address.to_canonical())
}

/// All hosts that a request names, `None` if one is malformed. An absolute target may name another host than the header.
fn named(request: &Request) -> Option<Vec<Authority>> {
    let headers = request.headers().get_all(header::HOST).iter();
    let in_headers = headers.map(|value| Authority::try_from(value.as_bytes()).ok());
    in_headers.chain(request.uri().authority().cloned().map(Some)).collect()
}

/// Refuses a request for an unknown host. `/healthz` answers for any host.
///
/// # Errors
/// `unknown_host`
pub(crate) fn check(known: &Hosts, request: &Request) -> Result<()> {
    let local = request.extensions().get().map(|LocalAddress(address)| address.to_canonical());
    let is_known = |host: &Authority| !host.as_str().contains('@') && known.include(host.host(), local);
    let is_answered = named(request).is_some_and(|hosts| !hosts.is_empty() && hosts.iter().all(is_known));
    if is_answered || request.uri().path() == "/healthz" {
        return Ok(());
    }
    let message = "This server does not answer to the host name of this request. Use its public address, or ask its operator to add the \
                 name to site.hosts.";
    Err(Error::refused(ErrorCode::UnknownHost, message))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn is_known(host: &str) -> bool {
        let env = |name: &str| (name == "COLDBREW_HOSTS").then(|| "Inside, 192.0.2.7,[2001:db8::7]".to_owned());
        let hosts = Hosts::read(&mut Settings::new("", env).unwrap(), Some("https://Coldbrew.example:8443/"));
        let authority: Authority = host.parse().unwrap();
        hosts.include(authority.host(), Some([198, 51, 100, 1].into()))
    }

    #[test]
    fn own_hosts_are_accepted_with_any_port() {
        for host in [
            "localhost",
            "LOCALHOST:3000",
            "127.0.0.1:49152",
            "127.9.9.9",
            "[::1]:80",
            "[::ffff:127.0.0.1]",
            "198.51.100.1:3000",
            "coldbrew.example",
            "Coldbrew.Example.:443",
            "inside:3000",
            "192.0.2.7",
            "[2001:db8::7]",
        ] {
            assert!(is_known(host), "{host}");
        }
    }

    #[test]
    fn other_hosts_are_refused() {
        for host in [
            "evil.example",
            "coldbrew.example.evil.example",
            "evil-coldbrew.example",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "2130706433",
            "198.51.100.2",
            "0.0.0.0:3000",
            "[::]",
            "[2001:db8::1]",
        ] {
            assert!(!is_known(host), "{host}");
        }
    }

    #[test]
    fn hosts_of_header_and_target_are_all_checked() {
        let names = |uri: &str, hosts: &[&str]| {
            let mut request = Request::builder().uri(uri);
            for host in hosts {
                request = request.header("host", *host);
            }
            let named = named(&request.body(Body::empty()).unwrap());
            named.map(|hosts| hosts.iter().map(|host| host.host().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(names("/", &["a:1"]).unwrap(), ["a"]);
        assert_eq!(names("/", &["a", "b"]).unwrap(), ["a", "b"]);
        assert_eq!(names("http://b/", &["a"]).unwrap(), ["a", "b"]);
        assert_eq!(names("/", &["a b"]), None);
        assert!(names("/", &[]).unwrap().is_empty());
    }
}
