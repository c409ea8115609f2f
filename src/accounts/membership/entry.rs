//! Who may become a member, and links that set a password.

use super::Membership;
use crate::accounts::{Account, ExternalIdentity, Grant, Network, NewSession, digest};
use crate::error::{Error, Result};
use crate::model::ErrorCode;

/// What is said of an invitation that cannot be used.
pub const INVITATION_ENDED: &str =
    "This invitation was used already or has expired. Ask the operator of this server for a new one.";

impl Membership {
    /// Checks that a person may sign up. Returns the digest of their invitation.
    ///
    /// # Errors
    /// `sign_up_not_allowed`, and the errors of [`Self::invitation`].
    pub async fn admit_sign_up(&self, email: Option<&str>, invitation: Option<&str>) -> Result<Option<String>> {
        let invitation = self.invitation(invitation).await?;
        self.access.admit_sign_up(email, invitation.is_some())?;
        Ok(invitation)
    }

    /// Checks that a person whom the provider has identified can sign in or sign up, before an account is made for them. `account` is the
    /// account that the browser has.
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

    /// The digest of an invitation that can be used. Its code is empty in a form without one.
    ///
    /// # Errors
    /// `invalid_link` for one that cannot be used, and the errors of [`Members`](crate::accounts::Members).
    pub async fn invitation(&self, code: Option<&str>) -> Result<Option<String>> {
        let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else { return Ok(None) };
        let digest = digest(code);
        if !self.members.is_invitation(&digest, self.clock.now()).await? {
            return Err(Error::refused(ErrorCode::InvalidLink, INVITATION_ENDED));
        }
        Ok(Some(digest))
    }

    /// The e-mail address of the account whose password a link sets.
    ///
    /// # Errors
    /// `invalid_link` if it was used or has expired; otherwise the errors of [`Members`](crate::accounts::Members).
    pub async fn address_of_link(&self, code: &str) -> Result<String> {
        Ok(self.link(code).await?.1)
    }

    /// Sets the password of an account by a link, which ends with it. All sessions and tokens of the account end, and a new session starts.
    ///
    /// # Errors
    /// `invalid_link` if it was used or has expired; otherwise the errors of [`Passwords::hash_new`](crate::accounts::Passwords::hash_new) and of the stores.
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
