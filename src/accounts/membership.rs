//! Use cases of one's own account: sign up, sign in, sign out, and manage passwords. Submodules have tokens, the list of sessions, and the
//! question for the password before what cannot be undone.

mod confirm;
mod sessions;
mod tokens;

pub use sessions::SessionLifetimes;
pub use tokens::TokenWish;

mod entry;

use std::sync::Arc;

use super::attempts::PasswordAttempts;
use super::{AccessPolicy, CREDENTIAL_MS, Caller, Network, Passwords, digest};
use crate::accounts::{
    Account, Accounts, Credential, CredentialKind, Credentials, Ending, ExternalIdentity, Grant, Members, TokenLabel,
    new_secret,
};
use crate::changes::Changes;
use crate::clock::{Clock, IdGenerator};
use crate::error::{Error, Result};
use crate::model::{EndedAccess, ErrorCode, UnixMs};

pub use entry::INVITATION_ENDED;

/// How long a member stays signed in without opening a page, in milliseconds: 30 days.
const SIGNED_IN_MS: i64 = 30 * DAY_MS;
/// A session older than this is replaced at its next use.
const ROTATION_MS: i64 = DAY_MS;
/// How long a replaced session stays valid for requests that are in flight.
const OVERLAP_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 3_600_000;
/// Length of a generated password: 80 bits, and short enough to read aloud.
const RESET_CHARS: usize = 20;

/// The use cases of members. Cheap to clone.
#[derive(Clone)]
pub struct Membership {
    pub members: Arc<dyn Members>,
    pub credentials: Arc<dyn Credentials>,
    pub accounts: Arc<dyn Accounts>,
    pub passwords: Passwords,
    pub attempts: PasswordAttempts,
    pub lifetimes: SessionLifetimes,
    pub access: AccessPolicy,
    /// Tells open streams of an account that sessions or tokens have ended.
    pub changes: Changes,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
}

/// The secret of a new session, its lifetime, and how many sessions and tokens were ended for it.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub secret: String,
    pub max_age_ms: i64,
    pub ended: EndedAccess,
}

impl Membership {
    /// Makes a guest a member, who keeps everything that the guest owns. All sessions and tokens of the account end. `before` is the secret
    /// of the caller's session, which a new one replaces.
    ///
    /// # Errors
    /// `invalid_sign_up` for a caller who is a member, a bad address or a weak password; `email_taken`; `sign_up_not_allowed` and
    /// `invalid_link` by the server's policy; otherwise the errors of [`Passwords::hash_new`] and of the stores.
    pub async fn sign_up(
        &self,
        caller: &Caller,
        email: &str,
        password: String,
        invitation: Option<&str>,
        before: Option<&str>,
    ) -> Result<NewSession> {
        let (account, email) = (&caller.account, address(email)?);
        let invitation = self.admit_sign_up(Some(&email), invitation).await?;
        if account.email.is_some() {
            return Err(Error::refused(ErrorCode::InvalidSignUp, "You have already signed up. Reload the page."));
        }
        let hash = self.passwords.hash_new(password, &email).await?;
        let own = before.map(digest);
        let ending = self.ending(&own);
        let signed_up = self.members.sign_up(&account.id, &email, &hash, invitation.as_deref(), ending).await?;
        let Some(ended) = signed_up else {
            let message = "An account with this e-mail address already exists. Sign in instead.";
            return Err(Error::refused(ErrorCode::EmailTaken, message));
        };
        self.changes.tell_credentials_ended(&account.id);
        self.attempts.add_known_network(&account.id, caller.network).await?;
        self.begin_session(&account.id, Grant::Owner, ended).await
    }

    /// Starts a session for a caller who knows the password. Ends the session `before` if it is a member's, so that an attacker who planted
    /// it gains nothing.
    ///
    /// # Errors
    /// `unauthenticated` if the address or the password is wrong; `too_many_requests` after too many failures; `unavailable` if too many
    /// passwords are being checked; otherwise the errors of the stores.
    pub async fn sign_in(
        &self,
        email: &str,
        password: String,
        before: Option<&str>,
        network: Option<Network>,
    ) -> Result<NewSession> {
        let email = email.trim().to_lowercase();
        let login = self.members.login(&email).await?;
        let (id, hash) = login.clone().unzip();
        let right = self.is_right(&email, id.as_deref(), password, hash, network).await?;
        let Some((id, hash)) = login.filter(|_| right) else {
            let message = "Wrong e-mail address or password.";
            return Err(Error::refused(ErrorCode::Unauthenticated, message));
        };
        self.sign_out_member(before).await?;
        self.begin_session(&id, Grant::Password(&hash), EndedAccess::default()).await
    }

    /// Whether the password is right. Counts the attempt, and refuses it after too many failures.
    async fn is_right(
        &self,
        email: &str,
        account_id: Option<&str>,
        password: String,
        hash: Option<String>,
        network: Option<Network>,
    ) -> Result<bool> {
        let attempt = self.attempts.begin(email, account_id, network).await?;
        match (self.passwords.is_right(password, hash).await, account_id) {
            (Ok(true), Some(account_id)) => self.attempts.succeeded(&attempt, account_id).await.map(|()| true),
            (Ok(_), _) => Ok(false),
            (Err(error), _) => {
                self.attempts.take_back(&attempt).await?;
                Err(error)
            }
        }
    }

    /// Whether the account has a password.
    ///
    /// # Errors
    /// The errors of [`Members`].
    pub async fn has_password(&self, account: &Account) -> Result<bool> {
        let Some(email) = &account.email else { return Ok(false) };
        Ok(self.members.login(email).await?.is_some())
    }

    /// Sets a new password for a member who knows the current one. All sessions and tokens of the account end. `before` is the secret of
    /// the caller's session, which a new one replaces.
    ///
    /// # Errors
    /// `unauthenticated` if the current password is wrong; `too_many_requests` after too many failures; otherwise the errors of
    /// [`Passwords::hash_new`] and of the stores.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: String,
        new: String,
        before: Option<&str>,
    ) -> Result<NewSession> {
        let account = &caller.account;
        let wrong_password = || Error::refused(ErrorCode::Unauthenticated, "The current password is wrong.");
        let email = account.email.as_deref().ok_or_else(wrong_password)?;
        let hash = self.members.login(email).await?.map(|(_, hash)| hash);
        if !self.is_right(email, Some(&account.id), current, hash, caller.network).await? {
            return Err(wrong_password());
        }
        let hash = self.passwords.hash_new(new, email).await?;
        let own = before.map(digest);
        let ended = self.members.set_password(&account.id, &hash, self.ending(&own)).await?;
        self.changes.tell_credentials_ended(&account.id);
        tracing::info!(account = account.id, "password changed");
        self.begin_session(&account.id, Grant::Password(&hash), ended.unwrap_or_default()).await
    }

    /// Sets a random password for a member, and returns it. All sessions and tokens of the account end.
    ///
    /// # Errors
    /// `invalid_request` for a guest; otherwise the errors of [`Passwords::hash_own`] and of [`Members`].
    pub async fn reset_password(&self, account_id: &str) -> Result<(String, EndedAccess)> {
        let new: String = self.ids.secret().chars().take(RESET_CHARS).collect();
        let hash = self.passwords.hash_own(new.clone()).await?;
        let Some(ended) = self.members.set_password(account_id, &hash, self.ending(&None)).await? else {
            return Err(Error::refused(ErrorCode::InvalidRequest, "A guest account has no password. Sign up first."));
        };
        self.changes.tell_credentials_ended(account_id);
        Ok((new, ended))
    }

    /// Ends all sessions and tokens of an account.
    ///
    /// # Errors
    /// The errors of [`Credentials`].
    pub async fn lock_out(&self, account_id: &str) -> Result<EndedAccess> {
        let ended = self.credentials.end_credentials(account_id, self.ending(&None)).await?;
        self.changes.tell_credentials_ended(account_id);
        Ok(ended)
    }

    fn ending<'a>(&self, own: &'a Option<String>) -> Ending<'a> {
        Ending { now: self.clock.now(), own: own.as_deref() }
    }

    /// Starts a session for a person whom the provider has identified. `account` is the account that the browser had before. An identity
    /// seen for the first time is added to it, and a guest becomes a member. An e-mail address alone opens no account.
    ///
    /// # Errors
    /// `email_taken` if another member has this name; `sign_up_not_allowed` and `invalid_link` by the server's policy;
    /// `confirmation_required` if a member has not confirmed the new identity; otherwise the errors of the stores.
    pub async fn sign_in_as(
        &self,
        identity: &ExternalIdentity,
        account: &Account,
        invitation: Option<&str>,
        before: Option<&str>,
    ) -> Result<NewSession> {
        let known = self.members.account_of_identity(&identity.issuer, &identity.subject).await?;
        // Else a person at an unlocked computer could add an identity of their own.
        let is_confirmed =
            account.email.is_none() || self.was_confirmed_before_trip(before.map(digest).as_deref()).await?;
        if known.is_none() && !is_confirmed {
            let message = "Confirm with your password on the account page, then connect again.";
            return Err(Error::refused(ErrorCode::ConfirmationRequired, message));
        }
        let (id, ended) = match known {
            Some(id) => (id, EndedAccess::default()),
            None => {
                let own = before.map(digest);
                let invitation = match account.email {
                    Some(_) => None,
                    None => self.admit_sign_up(identity.verified_email.as_deref(), invitation).await?,
                };
                let ending = self.ending(&own);
                let added = self.members.add_identity(&account.id, identity, invitation.as_deref(), ending).await?;
                let Some(ended) = added else {
                    let message = "An account with this e-mail address already exists.";
                    return Err(Error::refused(ErrorCode::EmailTaken, message));
                };
                self.changes.tell_credentials_ended(&account.id);
                (account.id.clone(), ended)
            }
        };
        self.sign_out_member(before).await?;
        self.begin_session(&id, Grant::Owner, ended).await
    }

    /// Whether the member with this id and e-mail address has a password or an identity to sign in with.
    ///
    /// # Errors
    /// The errors of [`Members`].
    pub async fn has_way_in(&self, account_id: &str, email: &str) -> Result<bool> {
        let has_password = self.members.login(&email.trim().to_lowercase()).await?.is_some();
        Ok(has_password || self.members.has_identity(account_id).await?)
    }

    /// Whether the account has an identity at a sign-in provider.
    ///
    /// # Errors
    /// The errors of [`Members`].
    pub async fn is_connected(&self, account: &Account) -> Result<bool> {
        self.members.has_identity(&account.id).await
    }

    /// Ends a member's session. A guest's session stays valid, because it is the only access to the guest's documents.
    async fn sign_out_member(&self, secret: Option<&str>) -> Result<()> {
        let Some(secret) = secret else { return Ok(()) };
        let session = self.credentials.session(&digest(secret), self.clock.now()).await?;
        if session.is_some_and(|session| session.signed_in) { self.sign_out(secret).await } else { Ok(()) }
    }

    /// Ends one session.
    ///
    /// # Errors
    /// The errors of [`Credentials`].
    pub async fn sign_out(&self, secret: &str) -> Result<()> {
        if let Some(account_id) = self.credentials.end_credential(&digest(secret), self.clock.now()).await? {
            self.changes.tell_credentials_ended(&account_id);
        }
        Ok(())
    }

    /// Ends all sessions of the account.
    ///
    /// # Errors
    /// The errors of [`Credentials`].
    pub async fn sign_out_everywhere(&self, account: &Account) -> Result<()> {
        self.credentials.end_sessions(&account.id).await?;
        self.changes.tell_credentials_ended(&account.id);
        Ok(())
    }

    /// Replaces a session that is older than a day. Returns `None` if there is nothing to replace.
    ///
    /// # Errors
    /// The errors of [`Credentials`].
    pub async fn rotate(&self, secret: &str) -> Result<Option<NewSession>> {
        let now = self.clock.now();
        let Some(session) = self.credentials.session(&digest(secret), now).await? else { return Ok(None) };
        self.note_use(&digest(secret), session.last_used_at, now).await;
        if session.created_at.plus(ROTATION_MS) > now {
            return Ok(None);
        }
        let (old, max_age_ms) = (digest(secret), self.rotated_max_age_ms(secret, &session, now).await?);
        let grant = Grant::Credential(&old);
        let new = self.add(&session.account_id, CredentialKind::Session, None, max_age_ms, grant).await?;
        if let Some(new) = &new {
            self.credentials.inherit_session(&old, &digest(new)).await?;
        }
        self.credentials.end_credential(&old, now.plus(OVERLAP_MS)).await?;
        Ok(new.map(|secret| NewSession { secret, max_age_ms, ended: EndedAccess::default() }))
    }

    /// Starts a member's session.
    async fn begin_session(&self, account_id: &str, grant: Grant<'_>, ended: EndedAccess) -> Result<NewSession> {
        let max_age_ms = max_age_ms(true);
        let secret = self.add(account_id, CredentialKind::Session, None, max_age_ms, grant).await?;
        Ok(NewSession { secret: secret.ok_or_else(ended_meanwhile)?, max_age_ms, ended })
    }

    /// Adds a credential and returns its secret, or `None` if the grant no longer holds.
    async fn add(
        &self,
        account_id: &str,
        kind: CredentialKind,
        label: Option<TokenLabel<'_>>,
        lasts_ms: i64,
        grant: Grant<'_>,
    ) -> Result<Option<String>> {
        let (secret, now) = (new_secret(&*self.ids, kind), self.clock.now());
        let credential = Credential { digest: &digest(&secret), kind, expires_at: now.plus(lasts_ms) };
        let added = self.credentials.add_credential(account_id, credential, label, grant, now).await?;
        Ok(added.then_some(secret))
    }
}

/// The instant `days` days before `now`.
pub fn days_before(now: UnixMs, days: u32) -> UnixMs {
    now.plus(-DAY_MS * i64::from(days))
}

fn max_age_ms(signed_in: bool) -> i64 {
    if signed_in { SIGNED_IN_MS } else { CREDENTIAL_MS }
}

fn ended_meanwhile() -> Error {
    Error::refused(ErrorCode::Unauthenticated, "Your access to this account has ended. Sign in again.")
}

/// The stored form of an e-mail address. Refuses what cannot be an address; whether mail arrives there is not checked.
pub(super) fn address(text: &str) -> Result<String> {
    let address = text.trim().to_lowercase();
    let valid = address.len() <= 254
        && !address.contains(|c: char| c.is_whitespace() || c.is_control())
        && address.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty()
                && host.contains('.')
                && !host.starts_with('.')
                && !host.ends_with('.')
                && !host.contains('@')
        });
    let refusal =
        || Error::refused(ErrorCode::InvalidSignUp, "This is not a valid e-mail address. Check it and try again.");
    if valid { Ok(address) } else { Err(refusal()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::address;

    #[test]
    fn impossible_email_address_is_refused_and_others_are_normalized() {
        for valid in ["a@b.org", " Ada.Lovelace+x@Example.COM ", "ü@münchen.de"] {
            assert!(address(valid).is_ok(), "{valid}");
        }
        for not in ["", "a", "@b.org", "a@b", "a@.org", "a@b.", "a@b@c.org", "a b@c.org", "a\n@b.org"] {
            assert!(address(not).is_err(), "{not}");
        }
        assert_eq!(address("Ada@Example.com").unwrap(), "ada@example.com");
    }
}
