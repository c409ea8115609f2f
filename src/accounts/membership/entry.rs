//! Checks who can become a member, and links that set a password.

use super::Membership;
use crate::accounts::{Account, ExternalIdentity, Grant, Network, NewSession, digest};
use crate::error::{Error, Result};
use crate::model::ErrorCode;

/// The message for an invitation that cannot be used.
pub const INVITATION_ENDED: &str =
    "This invitation was used already or has expired. Ask the operator of this server for a new one.";

impl Membership {
    /// Checks that a person may sign up. Returns the digest of their invitation, if they have one.
    ///
    /// # Errors
    /// `sign_up_not_allowed`, and the errors of [`Self::invitation`].
    pub async fn admit_sign_up(&self, email: Option<&str>, invitation: Option<&str>) -> Result<Option<String>> {
        let invitation = self.invitation(invitation).await?;
        self.access.admit_sign_up(email, invitation.is_some())?;
        Ok(invitation)
    }

    /// Checks that a person may sign in or sign up, before an account is created for them. The provider has identified the person.
    /// `account` is the account of the browser.
    ///
    /// # Errors
    /// As for [`Self::admit_sign_up`].
    pub async fn admit_identity(
        &self,
        identity: &ExternalIdentity,
        account: Option<&Account>,
        invitation: Option<&str>,
    ) -> Result<()> {
        let is_member = account.is_some_and(|account| account.email.is_some());
        if !is_member && self.members.account_of_identity(&identity.issuer, &identity.subject).await?.is_none() {
            self.admit_sign_up(identity.verified_email.as_deref(), invitation).await?;
        }
        Ok(())
    }

    /// The digest of a valid invitation, or `None` without a code. The code is empty in a form without an invitation.
    ///
    /// # Errors
    /// `invalid_link` for an invitation that cannot be used. Otherwise the errors of [`Members`](crate::accounts::Members).
    pub async fn invitation(&self, code: Option<&str>) -> Result<Option<String>> {
        let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else { return Ok(None) };
        let digest = digest(code);
        if !self.members.is_invitation(&digest, self.clock.now()).await? {
            return Err(Error::refused(ErrorCode::InvalidLink, INVITATION_ENDED));
        }
        Ok(Some(digest))
    }

    /// The e-mail address of the account whose password the link sets.
    ///
    /// # Errors
    /// `invalid_link` if the link was used or has expired. Otherwise the errors of [`Members`](crate::accounts::Members).
    pub async fn address_of_link(&self, code: &str) -> Result<String> {
        Ok(self.link(code).await?.1)
    }

    /// Sets the password of an account by a link, which works once. All sessions and tokens of the account end, and a new session starts.
    ///
    /// # Errors
    /// `invalid_link` if the link was used or has expired. Otherwise the errors of
    /// [`Passwords::hash_new`](crate::accounts::Passwords::hash_new) and of the stores.
    pub async fn set_password_by_link(
        &self,
        code: &str,
        new: String,
        before: Option<&str>,
        network: Option<Network>,
    ) -> Result<NewSession> {
        let (id, email) = self.link(code).await?;
        let hash = self.passwords.hash_new(new, &email).await?;
        let set = self.members.set_password_by_link(&digest(code.trim()), &id, &hash, self.ending(&None)).await?;
        let ended = set.ok_or_else(link_ended)?;
        self.changes.tell_credentials_ended(&id);
        tracing::info!(account = id, "password set by a link");
        self.attempts.add_known_network(&id, network).await?;
        self.sign_out_member(before).await?;
        self.begin_session(&id, Grant::Password(&hash), ended).await
    }

    async fn link(&self, code: &str) -> Result<(String, String)> {
        self.members.account_of_link(&digest(code.trim()), self.clock.now()).await?.ok_or_else(link_ended)
    }
}

fn link_ended() -> Error {
    let words = "This link was used already or has expired. Ask the operator of this server for a new one.";
    Error::refused(ErrorCode::InvalidLink, words)
}
