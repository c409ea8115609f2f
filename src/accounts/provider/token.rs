//! Verifies ID tokens: signed by a key of the issuer, made for this client and this sign-in, and not expired.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use openidconnect::core::{CoreIdToken, CoreIdTokenClaims, CoreJwsSigningAlgorithm as Algorithm};
use openidconnect::{ClaimsVerificationError, Nonce};

use super::CodeFlowClient;
use crate::accounts::ExternalIdentity;
use crate::model::UnixMs;

/// Only asymmetric signatures are accepted. With HMAC or `none`, a forger could sign with a shared secret or not at all.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];
/// The accepted difference of two clocks.
const LEEWAY: Duration = Duration::from_secs(60);

/// Verifies a token and returns its identity.
///
/// # Errors
/// What is wrong with the token, for the log.
pub(crate) fn identity(
    token: &CoreIdToken,
    client: &CodeFlowClient,
    nonce: &Nonce,
    now: UnixMs,
) -> Result<ExternalIdentity, ClaimsVerificationError> {
    let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or_default());
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs(ALGORITHMS)
        // The authorized party decides about a token with several audiences.
        .set_other_audience_verifier_fn(|_| true)
        .set_time_fn(|| (now - LEEWAY).into())
        .set_issue_time_verifier_fn(|issued_at| {
            let future = SystemTime::from(issued_at) > now + LEEWAY;
            if future { Err("issued in the future".to_owned()) } else { Ok(()) }
        });
    let claims = token.claims(&verifier, nonce)?;
    let made_for_us = match claims.authorized_party() {
        Some(party) => party == client.client_id(),
        None => claims.audiences().len() == 1,
    };
    if made_for_us {
        Ok(identified(claims))
    } else {
        Err(ClaimsVerificationError::InvalidAudience("made for another client".to_owned()))
    }
}

fn identified(claims: &CoreIdTokenClaims) -> ExternalIdentity {
    let email = claims.email().filter(|_| claims.email_verified() == Some(true));
    let verified_email = email.map(|email| email.trim().to_lowercase()).filter(|email| email.contains('@'));
    let (issuer, subject) = (claims.issuer(), claims.subject().to_string());
    let host = issuer.url().host_str().unwrap_or_default();
    // A label without an @ cannot be the e-mail address of another account.
    let label = verified_email.clone().unwrap_or_else(|| format!("{} of {host}", subject.replace('@', " ")));
    ExternalIdentity { issuer: issuer.to_string(), subject, label, verified_email }
}
