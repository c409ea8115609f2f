//! Sessions and identities of a member: how long they last, their list, and their end.

use super::{Membership, NewSession, max_age_ms};
use crate::accounts::{Account, Session, SessionStart, digest};
use crate::error::{Error, Result};
use crate::model::wire::{IdentitySummary, SessionSummary};
use crate::model::{ApiError, ErrorCode, UnixMs};
use crate::settings::Settings;

const HOUR_MS: i64 = 3_600_000;

/// How long a session can last at most, however often it is used.
#[derive(Clone, Copy, Debug)]
pub struct SessionLifetimes {
    pub password_days: u32,
    pub provider_hours: u32,
}

impl SessionLifetimes {
    /// Reads the settings.
    pub fn read(from: &mut Settings) -> Self {
        Self {
            password_days: from.value("access.session-days", "COLDBREW_ACCESS_SESSION_DAYS", 90),
            provider_hours: from.value("access.provider-session-hours", "COLDBREW_ACCESS_PROVIDER_SESSION_HOURS", 24),
        }
    }

    fn of_password_ms(self) -> i64 {
        24 * HOUR_MS * i64::from(self.password_days)
    }
}

impl Membership {
    /// Completes a sign-in. The session gets its absolute end and the name of the browser. `by_provider` is true if the sign-in provider
    /// identified the person.
    ///
    /// # Errors
    /// The errors of [`crate::accounts::Credentials`].
    pub async fn complete_sign_in(&self, session: NewSession, client: &str, by_provider: bool) -> Result<NewSession> {
        let at = self.clock.now();
        let lasts_ms = match by_provider {
            true => HOUR_MS * i64::from(self.lifetimes.provider_hours),
            false => self.lifetimes.of_password_ms(),
        };
        let start = SessionStart { at, ends_at: at.plus(lasts_ms), client };
        self.credentials.start_session(&digest(&session.secret), &start).await?;
        Ok(NewSession { max_age_ms: session.max_age_ms.min(lasts_ms), ..session })
    }

    /// How long the replacement of a session is valid. An old session without an absolute end gets one here.
    pub(super) async fn rotated_max_age_ms(&self, secret: &str, session: &Session, now: UnixMs) -> Result<i64> {
        let longest = max_age_ms(session.signed_in);
        if !session.signed_in {
            return Ok(longest);
        }
        let ends_at = match session.ends_at {
            Some(ends_at) => ends_at,
            None => {
                let at = session.created_at;
                let start = SessionStart { at, ends_at: at.plus(self.lifetimes.of_password_ms()), client: "" };
                self.credentials.start_session(&digest(secret), &start).await?;
                start.ends_at
            }
        };
        Ok(longest.min(ends_at.0 - now.0))
    }

    /// The account's sessions. `own` is the digest of the caller's session.
    ///
    /// # Errors
    /// The errors of [`crate::accounts::Credentials`].
    pub async fn sessions(&self, account: &Account, own: &str) -> Result<Vec<SessionSummary>> {
        self.credentials.sessions(&account.id, own, self.clock.now()).await
    }

    /// Ends a session of the account immediately.
    ///
    /// # Errors
    /// `not_found` if the account has no such session; otherwise the errors of [`crate::accounts::Credentials`].
    pub async fn end_session(&self, account: &Account, id: &str) -> Result<()> {
        if !self.credentials.end_session(&account.id, id).await? {
            return Err(ApiError::not_found("session").into());
        }
        self.changes.tell_credentials_ended(&account.id);
        Ok(())
    }

    /// The account's identities at sign-in providers.
    ///
    /// # Errors
    /// The errors of [`crate::accounts::Members`].
    pub async fn identities(&self, account: &Account) -> Result<Vec<IdentitySummary>> {
        let identities = self.members.identities(&account.id).await?;
        Ok(identities.iter().map(|(identity, at)| summary(&identity.0, &identity.1, *at)).collect())
    }

    /// Disconnects an identity, unless it is the only way into the account.
    ///
    /// # Errors
    /// `not_found` if the account has no such identity; `invalid_request` if there is no other way to sign in; otherwise the errors of
    /// [`crate::accounts::Members`].
    pub async fn disconnect(&self, account: &Account, id: &str) -> Result<()> {
        let identities = self.members.identities(&account.id).await?;
        let found = identities.iter().find(|((issuer, subject), at)| summary(issuer, subject, *at).id == id);
        let Some(((issuer, subject), _)) = found else { return Err(ApiError::not_found("connection").into()) };
        if self.members.remove_identity(&account.id, issuer, subject).await? {
            return Ok(());
        }
        let message = "This is the only way to sign in to your account. It cannot be disconnected.";
        Err(Error::refused(ErrorCode::InvalidRequest, message))
    }
}

fn summary(issuer: &str, subject: &str, connected_at: UnixMs) -> IdentitySummary {
    let id = digest(&format!("{issuer}\n{subject}")).chars().take(16).collect();
    let host = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    let provider = host.split('/').next().unwrap_or(host).to_owned();
    IdentitySummary { id, provider, connected_at }
}
