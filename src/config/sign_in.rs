//! Who else vouches for people: an OpenID Connect provider.

use super::Source;

/// The provider, and as whom it knows this service.
#[derive(Clone)]
pub struct SignIn {
    pub issuer: String,
    pub client_id: String,
    /// `None`: a public client.
    pub client_secret: Option<String>,
    /// What people know the provider as.
    pub name: String,
}

impl SignIn {
    /// `None` without an issuer.
    pub(super) fn read(source: &mut Source) -> Option<Self> {
        let issuer = source.url("sign-in.issuer", "COLDBREW_OIDC_ISSUER");
        let client_id = source.optional("sign-in.client-id", "COLDBREW_OIDC_CLIENT_ID");
        let client_secret = source.secret("sign-in.client-secret", "COLDBREW_OIDC_CLIENT_SECRET");
        let name = source.optional("sign-in.name", "COLDBREW_OIDC_NAME");
        let issuer = issuer?;
        let Some(client_id) = client_id else {
            source.complain("sign-in.issuer (COLDBREW_OIDC_ISSUER) needs sign-in.client-id (COLDBREW_OIDC_CLIENT_ID)");
            return None;
        };
        let host = || issuer.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned();
        let name = name.unwrap_or_else(host);
        Some(Self { issuer, client_id, client_secret, name })
    }
}

/// The secret never reaches a log.
impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn").field("issuer", &self.issuer).field("name", &self.name).finish_non_exhaustive()
    }
}
