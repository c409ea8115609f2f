//! API tokens.

use super::{Membership, ended_meanwhile};
use crate::accounts::{Account, CredentialKind, Grant, TokenLabel, digest};
use crate::error::{Error, Result};
use crate::model::wire::{NewToken, TokenSummary};
use crate::model::{ApiError, ErrorCode, Scopes, UnixMs};

const DAY_MS: i64 = 24 * 3_600_000;
const TOKENS_MAX: usize = 50;
/// The lifetimes of tokens, in days.
const LIFETIMES: [u32; 4] = [7, 30, 90, 365];
/// The shortest time between two records of a use, in milliseconds.
const USE_RECORDED_MS: i64 = 3_600_000;

/// A request for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenWish {
    pub name: String,
    pub scopes: Scopes,
    pub days: u32,
}

impl Membership {
    /// The account's tokens, without their secrets.
    ///
    /// # Errors
    /// The errors of [`crate::accounts::Credentials`].
    pub async fn tokens(&self, account: &Account) -> Result<Vec<TokenSummary>> {
        self.credentials.tokens(&account.id, self.clock.now()).await
    }

    /// Creates a token. `own` is the digest of the caller's credential. Only this function returns the secret.
    ///
    /// # Errors
    /// `invalid_request` without a name or a scope, or for a lifetime that is not offered; `insufficient_scope` if the caller's own token
    /// has fewer scopes; `limit_reached` with 50 tokens; `unauthenticated` if `own` has ended meanwhile. Otherwise the errors of
    /// [`crate::accounts::Credentials`].
    pub async fn create_token(&self, account: &Account, wish: &TokenWish, own: &str) -> Result<NewToken> {
        let name: String = wish.name.trim().chars().filter(|c| !c.is_control()).take(100).collect();
        let invalid = |message: &str| Err(Error::refused(ErrorCode::InvalidRequest, message));
        if name.is_empty() {
            return invalid("Give the token a name.");
        }
        if wish.scopes.is_empty() {
            return invalid("Choose at least one thing that the token may do.");
        }
        if !LIFETIMES.contains(&wish.days) {
            return invalid("A token is valid for 7, 30, 90 or 365 days.");
        }
        if self.credentials.token_use(own).await?.is_some_and(|of_maker| !of_maker.scopes.include(&wish.scopes)) {
            let message = "This token cannot make one that may do more than itself.";
            return Err(Error::refused(ErrorCode::InsufficientScope, message));
        }
        if self.tokens(account).await?.len() >= TOKENS_MAX {
            let message = format!("Your account has reached its limit of {TOKENS_MAX} tokens. Revoke one first.");
            return Err(Error::refused(ErrorCode::LimitReached, message));
        }
        let label = TokenLabel { name: &name, scopes: &wish.scopes };
        let lasts_ms = DAY_MS * i64::from(wish.days);
        let grant = Grant::Credential(own);
        let secret = self.add(&account.id, CredentialKind::Token, Some(label), lasts_ms, grant).await?;
        Ok(NewToken { name, token: secret.ok_or_else(ended_meanwhile)? })
    }

    /// Ends a token immediately.
    ///
    /// # Errors
    /// `not_found` if the account has no such token; otherwise the errors of [`crate::accounts::Credentials`].
    pub async fn revoke_token(&self, account: &Account, id: &str) -> Result<()> {
        if !self.credentials.revoke_token(&account.id, id).await? {
            return Err(ApiError::not_found("token").into());
        }
        self.changes.tell_credentials_ended(&account.id);
        Ok(())
    }

    /// The scopes of this token, or `None` if there is no such token. Records the use.
    ///
    /// # Errors
    /// The errors of [`crate::accounts::Credentials`]. An error of the record is only logged.
    pub async fn use_token(&self, token: &str) -> Result<Option<Scopes>> {
        let digest = digest(token);
        let Some(found) = self.credentials.token_use(&digest).await? else { return Ok(None) };
        self.note_use(&digest, found.last_used_at, self.clock.now()).await;
        Ok(Some(found.scopes))
    }

    /// The scopes of the caller with this credential. A session has all scopes.
    ///
    /// # Errors
    /// The errors of [`crate::accounts::Credentials`].
    pub async fn scopes_of(&self, own: &str) -> Result<Scopes> {
        Ok(self.credentials.token_use(own).await?.map_or_else(Scopes::all, |of_token| of_token.scopes))
    }

    /// Records the use of a session or token, unless a use was recorded within the last hour. A failure is only logged, because a full
    /// disk must not prevent reading.
    pub(super) async fn note_use(&self, digest: &str, last_used_at: Option<UnixMs>, now: UnixMs) {
        if last_used_at.is_some_and(|at| at.plus(USE_RECORDED_MS) > now) {
            return;
        }
        if let Err(error) = self.credentials.record_use(digest, now).await {
            tracing::warn!(%error, "the use of a credential was not recorded");
        }
    }
}
