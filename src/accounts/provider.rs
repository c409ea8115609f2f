//! Sign-in with an OpenID Connect provider that the operator has configured: authorization code flow with PKCE, state and nonce.
//!
//! The state of a sign-in ([`Pending`]) travels in a cookie of the browser that began it, so any server can finish it. The provider's
//! metadata and keys are cached for some minutes. An unknown key id makes the keys be fetched again. [`super::Membership`] decides which
//! account an [`ExternalIdentity`] opens.

mod cache;
mod token;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{RequestBuilder, header, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::same_secret;
use crate::accounts::ExternalIdentity;
use crate::clock::{Clock, IdGenerator};
use crate::error::{Error, Result};
use crate::model::ErrorCode;
use crate::settings::{Secret, Settings};
use cache::Cached;
use token::{Expected, Keys};

/// The time limit for one response of the provider.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest accepted response body of the provider.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// A sign-in in progress. Only the browser that began it holds these values.
#[derive(Clone, PartialEq, Eq)]
pub struct Pending {
    state: String,
    nonce: String,
    verifier: String,
    /// The code of an invitation, or an empty text.
    invitation: String,
}

impl Pending {
    /// The value of the cookie.
    pub fn to_cookie(&self) -> String {
        [self.state.as_str(), &self.nonce, &self.verifier, &self.invitation].join(".")
    }

    /// The same sign-in, of a person with an invitation. A code that is malformed counts as none.
    pub fn with_invitation(self, code: &str) -> Self {
        let is_code = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_hexdigit());
        Self { invitation: if is_code { code.to_owned() } else { String::new() }, ..self }
    }

    /// The code of the invitation, if there is one.
    pub fn invitation(&self) -> Option<&str> {
        Some(self.invitation.as_str()).filter(|code| !code.is_empty())
    }

    /// Parses the value of the cookie. `None` if it is malformed.
    pub fn from_cookie(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(str::to_owned);
        let pending = Self {
            state: parts.next()?,
            nonce: parts.next()?,
            verifier: parts.next()?,
            // A server of the version before writes three parts.
            invitation: parts.next().unwrap_or_default(),
        };
        (parts.next().is_none() && !pending.state.is_empty()).then_some(pending)
    }

    /// Whether a callback with this `state` belongs to this sign-in.
    pub fn is_of(&self, state: &str) -> bool {
        same_secret(&self.state, state)
    }
}

/// The provider's address, and the credentials of this service there.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    pub issuer: String,
    pub client_id: String,
    /// `None` for a public client, which only PKCE protects.
    pub client_secret: Option<Secret>,
    /// The name that people see.
    pub name: String,
}

impl ProviderSettings {
    /// `None` if no issuer is configured.
    pub fn read(from: &mut Settings) -> Option<Self> {
        let issuer = from.url("sign-in.issuer", "COLDBREW_OIDC_ISSUER");
        let client_id = from.maybe("sign-in.client-id", "COLDBREW_OIDC_CLIENT_ID");
        let client_secret = from.secret("sign-in.client-secret", "COLDBREW_OIDC_CLIENT_SECRET");
        let name = from.maybe("sign-in.name", "COLDBREW_OIDC_NAME");
        let issuer = issuer?;
        if client_id.is_none() {
            from.complain("sign-in.issuer (COLDBREW_OIDC_ISSUER) needs sign-in.client-id (COLDBREW_OIDC_CLIENT_ID)");
        }
        let host = || issuer.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned();
        Some(Self { client_id: client_id?, client_secret, name: name.unwrap_or_else(host), issuer })
    }
}

/// A client of the sign-in provider. Cheap to clone.
#[derive(Clone)]
pub struct Provider {
    settings: Arc<ProviderSettings>,
    /// The callback URL of this service.
    redirect_url: Arc<str>,
    http: reqwest::Client,
    description: Arc<Cached<Description>>,
    keys: Arc<Cached<Keys>>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
}

/// The provider's metadata, as OpenID Connect Discovery 1.0 defines it.
#[derive(Deserialize)]
struct Description {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl Provider {
    /// Makes a client. It sends no request yet.
    ///
    /// # Errors
    /// `internal` if the TLS library cannot be initialized.
    pub fn new(
        settings: ProviderSettings,
        redirect_url: String,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
    ) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).build();
        Ok(Self {
            settings: Arc::new(settings),
            redirect_url: redirect_url.into(),
            http: http.map_err(Error::internal)?,
            description: Arc::new(Cached::new(clock.clone())),
            keys: Arc::new(Cached::new(clock.clone())),
            clock,
            ids,
        })
    }

    /// The name that people see.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Starts a sign-in. Returns its state, for the browser's cookie, and the URL to redirect to.
    ///
    /// # Errors
    /// `unavailable` if the provider's metadata cannot be fetched; `unauthenticated` if the provider rejects the request.
    pub async fn begin(&self) -> Result<(Pending, Url)> {
        let description = self.description().await?;
        let mut url = Url::parse(&description.authorization_endpoint).map_err(Error::unavailable)?;
        let secret = || self.ids.secret();
        let pending = Pending { state: secret(), nonce: secret(), verifier: secret(), invitation: String::new() };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&pending.verifier));
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("scope", "openid email"),
            ("client_id", &self.settings.client_id),
            ("redirect_uri", &self.redirect_url),
            ("state", &pending.state),
            ("nonce", &pending.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        Ok((pending, url))
    }

    /// Finishes a sign-in whose `state` the caller has checked: exchanges the code and verifies the ID token.
    ///
    /// # Errors
    /// `unauthenticated` if the provider rejects the code or its ID token is not valid; `unavailable` if the provider does not answer.
    pub async fn finish(&self, pending: &Pending, code: &str) -> Result<ExternalIdentity> {
        let description = self.description().await?;
        let tokens: Tokens = self.ask(self.exchange(&description, pending, code)).await?;
        let keys = self.keys_for(&tokens.id_token, &description).await?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce: &pending.nonce,
            now: self.clock.now(),
        };
        token::identity(&tokens.id_token, &keys, &expected).map_err(|reason| {
            tracing::warn!(reason, "ID token rejected");
            Error::refused(ErrorCode::Unauthenticated, "The sign-in could not be verified. Try again.")
        })
    }

    fn exchange(&self, description: &Description, pending: &Pending, code: &str) -> RequestBuilder {
        let settings = &self.settings;
        let mut form = Serializer::new(String::new());
        form.extend_pairs([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_url),
            ("client_id", &settings.client_id),
            ("code_verifier", &pending.verifier),
        ]);
        let mut request = self.http.post(&description.token_endpoint);
        if let Some(secret) = &settings.client_secret {
            let offered = &description.token_endpoint_auth_methods_supported;
            let offers = |method: &str| offered.iter().any(|offer| offer == method);
            // A provider that lists no methods supports `client_secret_basic`
            // (<https://ldapwiki.com/wiki/Token_endpoint_auth_methods_supported>, read 2026-11-30).
            if offers("client_secret_post") && !offers("client_secret_basic") {
                form.append_pair("client_secret", secret);
            } else {
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                request = request.basic_auth(encoded(&settings.client_id), Some(encoded(secret)));
            }
        }
        request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish())
    }

    /// The provider's keys. They are fetched again if the token names an unknown key.
    async fn keys_for(&self, token: &str, description: &Description) -> Result<Arc<Keys>> {
        let fetch = || self.ask(self.http.get(&description.jwks_uri));
        let keys = self.keys.get(fetch()).await?;
        if keys.know_signer_of(token) { Ok(keys) } else { self.keys.renew(keys, fetch()).await }
    }

    async fn description(&self) -> Result<Arc<Description>> {
        self.description.get(self.fetch_description()).await
    }

    async fn fetch_description(&self) -> Result<Description> {
        let issuer = &self.settings.issuer;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let description: Description = self.ask(self.http.get(url)).await?;
        let endpoints = [&description.authorization_endpoint, &description.token_endpoint, &description.jwks_uri];
        // Plain HTTP is allowed only if the issuer itself has it: a provider on this machine or in a test.
        let private = issuer.starts_with("http://");
        if description.issuer != *issuer || !endpoints.iter().all(|url| private || url.starts_with("https://")) {
            return Err(Error::unavailable("the provider's metadata has another issuer, or addresses without HTTPS"));
        }
        Ok(description)
    }

    /// Sends a request and parses the JSON of the response. A status of 4xx means that the sign-in failed; any other failure means that the
    /// provider is unavailable.
    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let answer = request.header(header::ACCEPT, "application/json").send().await.map_err(unavailable)?;
        if answer.status().is_client_error() {
            tracing::warn!(status = answer.status().as_u16(), "sign-in provider rejected the request");
            return Err(Error::refused(
                ErrorCode::Unauthenticated,
                "The provider did not accept the sign-in. Try again.",
            ));
        }
        let mut answer = answer.error_for_status().map_err(unavailable)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unavailable)? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                return Err(Error::unavailable("the provider's answer is too large"));
            }
        }
        serde_json::from_slice(&body).map_err(Error::unavailable)
    }
}

/// Leaves out the URL, which may contain a code, because errors are logged.
fn unavailable(error: reqwest::Error) -> Error {
    Error::unavailable(error.without_url())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Pending;

    #[test]
    fn pending_sign_in_matches_its_own_state_only() {
        let pending = Pending { state: "s".into(), nonce: "n".into(), verifier: "v".into(), invitation: String::new() };
        let back = Pending::from_cookie(&pending.to_cookie()).unwrap();
        assert!(back == pending && back.is_of("s") && !back.is_of("n") && !back.is_of(""));
        let invited = Pending::from_cookie(&pending.with_invitation("0a").to_cookie()).unwrap();
        assert_eq!(invited.invitation(), Some("0a"));
        assert_eq!(invited.with_invitation("a;b").invitation(), None);
        for none in ["", "..", "a.b", "a.b.c.d.e", ".b.c"] {
            assert!(Pending::from_cookie(none).is_none(), "{none}");
        }
    }
}
