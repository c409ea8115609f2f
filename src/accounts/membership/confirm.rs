//! Asks for the password again before sensitive actions. A stranger at an unlocked computer must not be able to perform them.

use super::Membership;
use crate::accounts::Caller;
use crate::error::{Error, Result};
use crate::model::{ErrorCode, UnixMs};

/// How long a sign-in counts as a confirmation, for accounts without a password.
const CONFIRMED_MS: i64 = 10 * 60_000;
/// The same after a return from the sign-in provider, where the browser can spend up to 15 minutes.
const CONFIRMED_BEFORE_TRIP_MS: i64 = CONFIRMED_MS + 15 * 60_000;

impl Membership {
    /// Checks that the caller knows the account's password. An account without one needs a sign-in within the last 10 minutes. A guest
    /// has nothing to confirm. `own` is the digest of the caller's session.
    ///
    /// # Errors
    /// `unauthenticated` if the password is wrong; `confirmation_required` without one; `too_many_requests` after too many failures.
    /// Otherwise the errors of the stores.
    pub async fn confirm(&self, caller: &Caller, password: String, own: &str) -> Result<()> {
        let account = &caller.account;
        let Some(email) = &account.email else { return Ok(()) };
        let refused = |code, message: &str| Err(Error::refused(code, message));
        let Some((_, hash)) = self.members.login(email).await? else {
            return match self.is_confirmed(own).await? {
                true => Ok(()),
                false => {
                    refused(ErrorCode::ConfirmationRequired, "Sign out and in again, then do this within 10 minutes.")
                }
            };
        };
        if password.is_empty() {
            return refused(ErrorCode::ConfirmationRequired, "Type your password to confirm this.");
        }
        if !self.is_right(email, Some(&account.id), password, Some(hash), caller.network).await? {
            return refused(ErrorCode::Unauthenticated, "Wrong password. Nothing was changed.");
        }
        self.credentials.confirm_session(own, self.clock.now()).await
    }

    /// Refuses a caller of the REST API who has only a session. A cookie alone must not create tokens or delete a member's account.
    ///
    /// # Errors
    /// `confirmation_required` for a member without a token. Otherwise the errors of [`crate::accounts::Credentials`].
    pub async fn confirm_by_token(&self, caller: &Caller, own: &str) -> Result<()> {
        if caller.account.email.is_none() || self.credentials.token_use(own).await?.is_some() {
            return Ok(());
        }
        let message = "Do this on the account page, or send an API token that may manage the account.";
        Err(Error::refused(ErrorCode::ConfirmationRequired, message))
    }

    /// Whether the person of this session has typed the password or signed in within the last 10 minutes.
    ///
    /// # Errors
    /// The errors of [`crate::accounts::Credentials`].
    pub async fn is_confirmed(&self, own: &str) -> Result<bool> {
        self.is_confirmed_within(own, CONFIRMED_MS).await
    }

    /// The same for a browser that returns from the sign-in provider.
    pub(super) async fn was_confirmed_before_trip(&self, own: Option<&str>) -> Result<bool> {
        match own {
            Some(own) => self.is_confirmed_within(own, CONFIRMED_BEFORE_TRIP_MS).await,
            None => Ok(false),
        }
    }

    async fn is_confirmed_within(&self, own: &str, within_ms: i64) -> Result<bool> {
        let now = self.clock.now();
        let session = self.credentials.session(own, now).await?;
        let is_recent = |at: UnixMs| at.plus(within_ms) > now;
        Ok(session.and_then(|session| session.confirmed_at).is_some_and(is_recent))
    }
}
