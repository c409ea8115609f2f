//! The HTTP client for the provider: it follows no redirect, and limits the time and the size of a response.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect;

use crate::error::{Error, Result};
use crate::model::ErrorCode;

/// The time limit for one response of the provider.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest accepted response body of the provider.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// A client for one provider. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Http(reqwest::Client);

impl Http {
    /// Makes a client. It refuses plain HTTP unless the issuer itself has it: a provider on this machine or in a test.
    ///
    /// # Errors
    /// `internal` if the TLS library cannot be initialized.
    pub(crate) fn new(issuer: &str) -> Result<Self> {
        let builder = reqwest::Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none());
        builder.https_only(!issuer.starts_with("http://")).build().map(Self).map_err(Error::internal)
    }

    /// A status of 4xx means that the sign-in failed; any other failure means that the provider is unavailable.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse> {
        let request = request.try_into().map_err(unavailable)?;
        let mut answer = self.0.execute(request).await.map_err(unavailable)?;
        if answer.status().is_client_error() {
            tracing::warn!(status = answer.status().as_u16(), "sign-in provider rejected the request");
            return Err(Error::refused(
                ErrorCode::Unauthenticated,
                "The provider did not accept the sign-in. Try again.",
            ));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unavailable)? {
            body.extend_from_slice(&chunk);
            if body.len() > BODY_BYTES_MAX {
                return Err(Error::unavailable("the provider's answer is too large"));
            }
        }
        let mut response = HttpResponse::new(body);
        *response.status_mut() = answer.status();
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Error;
    type Future = BoxFuture<'c, Result<HttpResponse>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        self.send(request).boxed()
    }
}

/// Leaves out the URL, which may contain a code, because errors are logged.
fn unavailable(error: reqwest::Error) -> Error {
    Error::unavailable(error.without_url())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use openidconnect::http::Request;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn request_over_plain_http_for_an_https_issuer_is_not_sent() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let http = Http::new("https://login.example").unwrap();
        assert!(http.call(Request::get(url).body(Vec::new()).unwrap()).await.is_err());
        assert!(listener.accept().now_or_never().is_none());
    }
}
