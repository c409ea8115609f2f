//! Downloads the file at a URL that a caller gives. Only public addresses are contacted, so that no caller reaches the server's own
//! network.
//!
//! A host is resolved once for each hop, and [`Targets`] must admit all of its addresses. The connection uses exactly these addresses, so a
//! changed DNS answer has no effect. A redirect is a new hop with the same checks. [`Imports`] limits the downloads of one caller.
//! [`super::Intake`] checks the file itself.

mod imports;
mod public;
mod targets;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use percent_encoding::percent_decode_str;
use reqwest::{Response, header, redirect};
use tokio::time::timeout;
use url::{Host, Url};

use crate::accounts::Caller;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::model::ErrorCode;
use crate::uploads::{ReceivedFile, Receiver};

pub use imports::{ImportLimits, Imports};
pub use targets::{Denied, Targets};

use imports::RunningImport;

const NO_LINK: &str = "This is not a web link. It must begin with https:// or http://.";
/// The most redirects that are followed.
const REDIRECTS_MAX: usize = 5;
/// Idle timeout of a response.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Resolves the addresses of a host.
#[async_trait]
pub trait Resolve: Send + Sync {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The resolver of this machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect())
    }
}

/// Downloads files. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    pub resolver: Arc<dyn Resolve>,
    pub targets: Targets,
    pub imports: Imports,
    pub clock: Arc<dyn Clock>,
    pub receiver: Receiver,
}

impl Fetcher {
    /// Downloads the file at `address` to disk. `admit` gets the length in bytes, if it is known, before the body is read. Returns the file
    /// and the result of `admit`.
    ///
    /// # Errors
    /// `too_many_requests` if the caller downloads too much; `url_not_allowed`, `url_unreachable`, `url_timeout` or `file_too_large` for
    /// the address or the file; the errors of `admit`.
    pub async fn fetch<P, F: Future<Output = Result<P>>>(
        &self,
        caller: &Caller,
        address: &str,
        admit: impl FnOnce(Option<u64>) -> F,
    ) -> Result<(ReceivedFile, P)> {
        let import = self.imports.begin(caller, self.clock.tick())?;
        timeout(self.imports.timeout(), self.follow(&import, address, admit)).await.unwrap_or_else(|_| Err(timed_out()))
    }

    async fn follow<P, F: Future<Output = Result<P>>>(
        &self,
        import: &RunningImport<'_>,
        address: &str,
        admit: impl FnOnce(Option<u64>) -> F,
    ) -> Result<(ReceivedFile, P)> {
        let named = Url::parse(address.trim()).map_err(|_| not_allowed(NO_LINK))?;
        let mut url = file_address(named.clone());
        for _ in 0..=REDIRECTS_MAX {
            let response = self.get(&url).await?;
            match next_hop(&url, &response)? {
                Some(next) => url = next,
                None => {
                    self.check_is_file(&response)?;
                    let permit = admit(response.content_length()).await?;
                    let file = self.save(import, &url, response).await?;
                    return Ok((ReceivedFile { url: Some(named.into()), ..file }, permit));
                }
            }
        }
        Err(not_allowed("This link redirects too often. Upload the file instead."))
    }

    /// Sends one request to addresses that were checked just before.
    async fn get(&self, url: &Url) -> Result<Response> {
        let (host, port) = host_of(url)?;
        self.targets.admits_host(&host, port)?;
        let addresses = match &host {
            Host::Ipv4(address) => vec![IpAddr::V4(*address)],
            Host::Ipv6(address) => vec![IpAddr::V6(*address)],
            Host::Domain(name) => self.resolver.resolve(name).await.map_err(|_| not_found(&host))?,
        };
        if addresses.is_empty() {
            return Err(not_found(&host));
        }
        self.targets.admits(&addresses)?;
        let pinned: Vec<SocketAddr> = addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .resolve_to_addrs(&host.to_string(), &pinned)
            .read_timeout(SILENCE_MAX)
            .user_agent(concat!("Coldbrew/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Error::internal)?;
        client
            .get(url.clone())
            .header(header::ACCEPT, "application/pdf, */*;q=0.5")
            .send()
            .await
            .map_err(connection_failed)
    }

    fn check_is_file(&self, response: &Response) -> Result<()> {
        if !response.status().is_success() {
            return Err(host_unavailable(&format!(
                "The link answered {}. Check it, or upload the file instead.",
                response.status()
            )));
        }
        if response.content_length().is_some_and(|length| length > self.receiver.bytes_max) {
            return Err(self.receiver.too_large());
        }
        Ok(())
    }

    async fn save(&self, import: &RunningImport<'_>, url: &Url, response: Response) -> Result<ReceivedFile> {
        let name = url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
        let name = percent_decode_str(name).decode_utf8_lossy();
        let chunks = response.bytes_stream().map(|chunk| {
            let chunk = chunk.map_err(connection_failed)?;
            import.charge(chunk.len(), self.clock.tick());
            Ok(chunk)
        });
        self.receiver.receive(chunks, Some(&*name).filter(|name| !name.is_empty())).await
    }
}

/// The host and port of a URL.
fn host_of(url: &Url) -> Result<(Host, u16)> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(not_allowed("The link must begin with https:// or http://."));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(not_allowed("Links with a user name in them cannot be imported."));
    }
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return Err(not_allowed(NO_LINK));
    };
    Ok((host.to_owned(), port))
}

/// The target of a redirect, or `None` if the response is no redirect.
fn next_hop(url: &Url, response: &Response) -> Result<Option<Url>> {
    if !response.status().is_redirection() {
        return Ok(None);
    }
    let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
    let next = location.and_then(|location| url.join(location).ok());
    next.map(Some)
        .ok_or_else(|| host_unavailable("This link redirects to an invalid address. Upload the file instead."))
}

/// The URL of the file itself. The address of an arXiv abstract is replaced by that of its PDF.
fn file_address(mut url: Url) -> Url {
    let arxiv = matches!(url.host_str(), Some("arxiv.org" | "www.arxiv.org" | "export.arxiv.org"));
    if let Some(paper) = url.path().strip_prefix("/abs/").filter(|_| arxiv) {
        let path = format!("/pdf/{paper}");
        url.set_path(&path);
    }
    url
}

fn not_allowed(message: &str) -> Error {
    Error::refused(ErrorCode::UrlNotAllowed, message)
}

fn host_unavailable(message: &str) -> Error {
    Error::refused(ErrorCode::UrlUnreachable, message)
}

fn not_found(host: &Host) -> Error {
    host_unavailable(&format!("{host} was not found. Check the link."))
}

fn timed_out() -> Error {
    Error::refused(ErrorCode::UrlTimeout, "The download took too long. Try again, or upload the file instead.")
}

/// The error for a failed connection. It does not reveal which addresses were tried.
fn connection_failed(error: reqwest::Error) -> Error {
    let message = "The download failed. Check the link and try again.";
    if error.is_timeout() { timed_out() } else { host_unavailable(message) }
}

#[cfg(test)]
mod tests;
