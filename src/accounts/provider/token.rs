//! What an ID token is worth: signed by a key of the issuer's, for us, for this sign-in, and still good.
//!
//! Only signatures that nobody but the holder of a private key can make are taken: with a shared secret, or none, a public key would do.

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
/// How far two clocks may be apart, in seconds.
const LEEWAY_S: i64 = 60;

/// The keys of an issuer. One that is of no use to us must not hide the others.
#[derive(Deserialize)]
pub(crate) struct Keys {
    keys: Vec<Value>,
}

impl Keys {
    /// Whether the key that a token names is among them. A token that names none may be signed by any of them.
    pub(crate) fn know_signer_of(&self, token: &str) -> bool {
        let id = decode_header(token).ok().and_then(|header| header.kid);
        id.is_none_or(|id| self.named(Some(&id)).next().is_some())
    }

    /// The keys that a token may be signed with, which names one where there are several.
    fn named(&self, id: Option<&str>) -> impl Iterator<Item = Jwk> {
        let keys = self.keys.iter().filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
        keys.filter(move |key| id.is_none_or(|id| key.common.key_id.as_deref() == Some(id)))
    }
}

/// What a token has to say.
pub(crate) struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub now: UnixMs,
}

/// The claims of OpenID Connect Core 1.0, section 2, that count here.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    aud: Value,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
    azp: Option<String>,
    email: Option<String>,
    /// Some providers send it as a text.
    email_verified: Option<Value>,
}

/// Who the token is about, or what is wrong with it.
pub(crate) fn identity(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<ExternalIdentity, &'static str> {
    let header = decode_header(token).map_err(|_| "it is no token")?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err("its kind of signature proves nothing");
    }
    let mut rules = Validation::new(header.alg);
    rules.set_issuer(&[expected.issuer]);
    rules.set_audience(&[expected.client_id]);
    rules.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    // The time is an argument here; see below.
    rules.validate_exp = false;
    let signed_by = |key: Jwk| decode::<Claims>(token, &DecodingKey::from_jwk(&key).ok()?, &rules).ok();
    let claims =
        keys.named(header.kid.as_deref()).find_map(signed_by).ok_or("no key of the issuer signed it for us")?;
    check(&claims.claims, expected)?;
    Ok(identified(claims.claims, expected.issuer))
}

fn check(claims: &Claims, expected: &Expected<'_>) -> Result<(), &'static str> {
    let now_s = expected.now.0 / 1_000;
    if claims.exp.saturating_add(LEEWAY_S) <= now_s {
        return Err("it has expired");
    }
    if claims.iat > now_s + LEEWAY_S {
        return Err("it is from the future");
    }
    if !claims.nonce.as_deref().is_some_and(|nonce| same_secret(nonce, expected.nonce)) {
        return Err("it is of another sign-in");
    }
    let several = claims.aud.as_array().is_some_and(|audience| audience.len() > 1);
    match claims.azp.as_deref() {
        Some(party) if party != expected.client_id => Err("it was made for somebody else"),
        None if several => Err("it does not say whom it was made for"),
        _ => Ok(()),
    }
}

fn identified(claims: Claims, issuer: &str) -> ExternalIdentity {
    let denied = claims.email_verified.is_some_and(|verified| verified == false || verified == "false");
    let email = claims.email.map(|email| email.trim().to_lowercase()).filter(|email| email.contains('@') && !denied);
    let host = Url::parse(issuer).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    // Without an @ it can be no other account's address.
    let label = email.unwrap_or_else(|| format!("{} of {host}", claims.sub.replace('@', " ")));
    ExternalIdentity { issuer: issuer.to_owned(), subject: claims.sub, label }
}
