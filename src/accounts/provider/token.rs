//! Verifies ID tokens: signed by a key of the issuer, made for this client and this sign-in, and not expired.
//!
//! Only asymmetric signatures are accepted. With HMAC or `none`, a forger could sign with the public key or not at all.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::accounts::ExternalIdentity;
use crate::accounts::same_secret;
use crate::model::UnixMs;

const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// The accepted difference of two clocks, in seconds.
const LEEWAY_S: i64 = 60;

/// The keys of an issuer. Each is parsed on its own, so an unsupported key does not hide the others.
#[derive(Deserialize)]
pub(crate) struct Keys {
    keys: Vec<Value>,
}

impl Keys {
    /// Whether the key named by the token is known. A token without a key id may be signed by any key.
    pub(crate) fn know_signer_of(&self, token: &str) -> bool {
        let id = decode_header(token).ok().and_then(|header| header.kid);
        id.is_none_or(|id| self.named(Some(&id)).next().is_some())
    }

    /// The keys that may have signed a token with this key id, or all keys without one.
    fn named(&self, id: Option<&str>) -> impl Iterator<Item = Jwk> {
        let keys = self.keys.iter().filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
        keys.filter(move |key| id.is_none_or(|id| key.common.key_id.as_deref() == Some(id)))
    }
}

/// What the claims of a token must match.
pub(crate) struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub now: UnixMs,
}

/// The claims of an ID token that are checked, as OpenID Connect Core 1.0 defines them.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    aud: Value,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
    azp: Option<String>,
    email: Option<String>,
    /// Some providers send a string.
    email_verified: Option<Value>,
}

/// Verifies a token and returns its identity.
///
/// # Errors
/// A sentence that says what is wrong with the token, for the log.
pub(crate) fn identity(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<ExternalIdentity, &'static str> {
    let header = decode_header(token).map_err(|_| "not an ID token")?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err("signature algorithm not accepted");
    }
    let mut rules = Validation::new(header.alg);
    rules.set_issuer(&[expected.issuer]);
    rules.set_audience(&[expected.client_id]);
    rules.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    // The library reads the system clock. [`check`] compares with the time that is passed in.
    rules.validate_exp = false;
    let signed_by = |key: Jwk| decode::<Claims>(token, &DecodingKey::from_jwk(&key).ok()?, &rules).ok();
    let claims = keys.named(header.kid.as_deref()).find_map(signed_by).ok_or("no key of the issuer verifies it")?;
    check(&claims.claims, expected)?;
    Ok(identified(claims.claims, expected.issuer))
}

fn check(claims: &Claims, expected: &Expected<'_>) -> Result<(), &'static str> {
    let now_s = expected.now.0 / 1_000;
    if claims.exp.saturating_add(LEEWAY_S) <= now_s {
        return Err("expired");
    }
    if claims.iat > now_s + LEEWAY_S {
        return Err("issued in the future");
    }
    if !claims.nonce.as_deref().is_some_and(|nonce| same_secret(nonce, expected.nonce)) {
        return Err("nonce of another sign-in");
    }
    let several = claims.aud.as_array().is_some_and(|audience| audience.len() > 1);
    match claims.azp.as_deref() {
        Some(party) if party != expected.client_id => Err("made for another client"),
        None if several => Err("several audiences without an authorized party"),
        _ => Ok(()),
    }
}

fn identified(claims: Claims, issuer: &str) -> ExternalIdentity {
    // A provider that says nothing may have let the person type any address.
    let is_verified = claims.email_verified.is_some_and(|verified| verified == true || verified == "true");
    let email =
        claims.email.map(|email| email.trim().to_lowercase()).filter(|email| email.contains('@') && is_verified);
    let host = Url::parse(issuer).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    // A label without an @ cannot be the e-mail address of another account.
    let label = email.unwrap_or_else(|| format!("{} of {host}", claims.sub.replace('@', " ")));
    ExternalIdentity { issuer: issuer.to_owned(), subject: claims.sub, label }
}
