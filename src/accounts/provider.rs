//! Sign-in with an OpenID Connect provider that the operator has configured: authorization code flow with PKCE, state and nonce.
//!
//! The state of a sign-in ([`Pending`]) travels in a cookie of the browser that began it, so any server can finish it. The provider's
//! metadata and keys are cached for some minutes. An unknown key makes both be fetched again. [`super::Membership`] decides which
//! account an [`ExternalIdentity`] opens.

mod cache;
mod http;
mod token;

use std::sync::Arc;

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreProviderMetadata};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, DiscoveryError,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, SignatureVerificationError, TokenResponse,
};
use url::Url;

use super::same_secret;
use crate::accounts::ExternalIdentity;
use crate::clock::{Clock, IdGenerator};
use crate::error::{Error, Result};
use crate::model::ErrorCode;
use crate::settings::{Secret, Settings};
use cache::Cached;
use http::Http;

/// A client of the authorization code flow, made from the provider's metadata and keys.
type CodeFlowClient =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

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
    http: Http,
    client: Arc<Cached<CodeFlowClient>>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
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
        Ok(Self {
            http: Http::new(&settings.issuer)?,
            settings: Arc::new(settings),
            redirect_url: redirect_url.into(),
            client: Arc::new(Cached::new(clock.clone())),
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
        let client = self.client.get(self.discover()).await?;
        let secret = || self.ids.secret();
        let pending = Pending { state: secret(), nonce: secret(), verifier: secret(), invitation: String::new() };
        let (state, nonce) = (CsrfToken::new(pending.state.clone()), Nonce::new(pending.nonce.clone()));
        let verifier = PkceCodeVerifier::new(pending.verifier.clone());
        let (url, ..) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, || nonce)
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok((pending, url))
    }

    /// Finishes a sign-in whose `state` the caller has checked: exchanges the code and verifies the ID token.
    ///
    /// # Errors
    /// `unauthenticated` if the provider rejects the code or its ID token is not valid; `unavailable` if the provider does not answer.
    pub async fn finish(&self, pending: &Pending, code: &str) -> Result<ExternalIdentity> {
        let client = self.client.get(self.discover()).await?;
        let request = client.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(Error::unavailable)?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()));
        let tokens = request.request_async(&self.http).await.map_err(|error| match error {
            RequestTokenError::Request(error) => error,
            // The response is parsed together with the claims of its ID token.
            RequestTokenError::Parse(error, _) => unverified(error),
            other => Error::unavailable(other),
        })?;
        let token = tokens.id_token().ok_or_else(|| unverified("no ID token"))?;
        let (nonce, now) = (Nonce::new(pending.nonce.clone()), self.clock.now());
        let mut identity = token::identity(token, &client, &nonce, now);
        if let Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) = identity
        {
            let client = self.client.renew(client, self.discover()).await?;
            identity = token::identity(token, &client, &nonce, now);
        }
        identity.map_err(unverified)
    }

    /// Fetches the provider's metadata and keys.
    async fn discover(&self) -> Result<CodeFlowClient> {
        let settings = &self.settings;
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(Error::internal)?;
        let redirect_url = RedirectUrl::new(self.redirect_url.to_string()).map_err(Error::internal)?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &self.http).await.map_err(|error| match error {
            DiscoveryError::Request(error) => error,
            DiscoveryError::Parse(error) => Error::unavailable(error),
            other => Error::unavailable(other),
        })?;
        // Only the browser opens this address; [`Http`] checks all others.
        let private = settings.issuer.starts_with("http://");
        if !private && metadata.authorization_endpoint().url().scheme() != "https" {
            return Err(Error::unavailable("the provider's authorization endpoint is not an HTTPS address"));
        }
        // A provider that lists no methods supports `client_secret_basic`
        // (<https://ldapwiki.com/wiki/Token_endpoint_auth_methods_supported>, read 2026-11-30).
        let methods = metadata.token_endpoint_auth_methods_supported().cloned().unwrap_or_default();
        let offers = |method| methods.contains(&method);
        let post_only =
            offers(CoreClientAuthMethod::ClientSecretPost) && !offers(CoreClientAuthMethod::ClientSecretBasic);
        let auth_type = if post_only { AuthType::RequestBody } else { AuthType::BasicAuth };
        let secret = settings.client_secret.as_ref().map(|secret| ClientSecret::new(secret.to_string()));
        let client = CoreClient::from_provider_metadata(metadata, ClientId::new(settings.client_id.clone()), secret);
        Ok(client.set_redirect_uri(redirect_url).set_auth_type(auth_type))
    }
}

/// Only the log gets the reason.
fn unverified(reason: impl std::fmt::Display) -> Error {
    tracing::warn!(%reason, "ID token rejected");
    Error::refused(ErrorCode::Unauthenticated, "The sign-in could not be verified. Try again.")
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
