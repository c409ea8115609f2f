//! What people do with their account: sign up, in and out, name tokens, leave.

use std::sync::Arc;

use super::{CREDENTIAL_MS, digest, password};
use crate::error::{Error, Result};
use crate::model::wire::{NewToken, TokenSummary};
use crate::model::{ApiError, ErrorCode, UnixMs};
use crate::store::{Account, Accounts, Blobs, Credential, CredentialKind, ExternalIdentity, Members, account_folders};
use crate::world::World;

/// How long somebody who signed in stays so without opening a page, in milliseconds: 30 days.
const SIGNED_IN_MS: i64 = 30 * DAY_MS;
/// A session that is older than this is replaced when it is used.
const ROTATION_MS: i64 = DAY_MS;
/// How long a replaced session is still good for requests that are under way.
const OVERLAP_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 3_600_000;
const PASSWORD_CHARS_MIN: usize = 10;
/// Longer ones would make hashing a way to keep the server busy.
const PASSWORD_BYTES_MAX: usize = 1_000;
const TOKENS_MAX: usize = 50;
/// Of a password that stands in for a forgotten one: 80 bits, short enough to be read out.
const RESET_CHARS: usize = 20;

/// See the module.
#[derive(Clone)]
pub struct Membership {
    pub store: Arc<dyn Members>,
    pub accounts: Arc<dyn Accounts>,
    pub blobs: Arc<dyn Blobs>,
    pub world: Arc<dyn World>,
}

/// The secret of a session that begins, and how long it is good for.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub secret: String,
    pub max_age_ms: i64,
}

impl Membership {
    /// Makes a guest a member with everything that it owns. All other sessions of the account end, this one is made anew.
    pub async fn sign_up(&self, account: &Account, email: &str, password: String) -> Result<NewSession> {
        let email = address(email)?;
        if account.email.is_some() {
            return Err(Error::refused(ErrorCode::InvalidSignUp, "You have signed up already."));
        }
        see_that_is_good(&password)?;
        let hash = password::hash(password).await?;
        if !self.store.sign_up(&account.id, &email, &hash).await? {
            let words = "There is an account with this e-mail address. Sign in instead.";
            return Err(Error::refused(ErrorCode::EmailTaken, words));
        }
        self.store.end_sessions(&account.id).await?;
        self.begin_session(&account.id, true).await
    }

    /// Begins a session for whoever knows the password. Ends the session `before`, so that one who planted it gains nothing.
    pub async fn sign_in(&self, email: &str, password: String, before: Option<&str>) -> Result<NewSession> {
        let login = self.store.login(&email.trim().to_lowercase()).await?;
        let (id, hash) = login.unzip();
        let right = password.len() <= PASSWORD_BYTES_MAX && password::is_right(password, hash).await?;
        let Some(id) = id.filter(|_| right) else {
            let words = "The e-mail address or the password is not right.";
            return Err(Error::refused(ErrorCode::Unauthenticated, words));
        };
        if let Some(secret) = before {
            self.sign_out_member(secret).await?;
        }
        self.begin_session(&id, true).await
    }

    /// Whether the account is opened by a password.
    pub async fn has_password(&self, account: &Account) -> Result<bool> {
        Ok(self.password_hash(account).await?.is_some())
    }

    async fn password_hash(&self, account: &Account) -> Result<Option<String>> {
        let Some(email) = &account.email else { return Ok(None) };
        Ok(self.store.login(email).await?.map(|(_, hash)| hash))
    }

    /// Gives a member who knows the password another one. All sessions of the account end, and this one is made anew.
    pub async fn change_password(&self, account: &Account, current: String, new: String) -> Result<NewSession> {
        see_that_is_good(&new)?;
        let hash = self.password_hash(account).await?;
        if current.len() > PASSWORD_BYTES_MAX || !password::is_right(current, hash).await? {
            return Err(Error::refused(ErrorCode::Unauthenticated, "The current password is not right."));
        }
        self.store.set_password(&account.id, &password::hash(new).await?).await?;
        tracing::info!(account = account.id, "password changed");
        self.begin_session(&account.id, true).await
    }

    /// Gives a member who has forgotten the password one that nobody knows yet. All sessions of the account end.
    pub async fn reset_password(&self, account_id: &str) -> Result<String> {
        let new: String = self.world.secret().chars().take(RESET_CHARS).collect();
        if self.store.set_password(account_id, &password::hash(new.clone()).await?).await? {
            return Ok(new);
        }
        Err(Error::refused(ErrorCode::InvalidRequest, "This is a guest, who has no password."))
    }

    /// Begins a session for somebody whom the provider vouches for, and who came as `account`. A person who is seen for the first
    /// time is tied to that account, which makes a guest a member; an e-mail address alone opens nobody's account.
    pub async fn sign_in_as(
        &self,
        identity: &ExternalIdentity,
        account: &Account,
        before: Option<&str>,
    ) -> Result<NewSession> {
        let known = self.store.account_of_identity(&identity.issuer, &identity.subject).await?;
        let id = match known {
            Some(id) => id,
            None if self.store.add_identity(&account.id, identity, self.world.now()).await? => {
                // Nobody who knew the guest's session shall be a member with it.
                if account.email.is_none() {
                    self.store.end_sessions(&account.id).await?;
                }
                account.id.clone()
            }
            None => return Err(Error::refused(ErrorCode::EmailTaken, "There is an account with this e-mail address.")),
        };
        if let Some(secret) = before {
            self.sign_out_member(secret).await?;
        }
        self.begin_session(&id, true).await
    }

    /// Whether the account can be signed in to with the provider.
    pub async fn is_connected(&self, account: &Account) -> Result<bool> {
        self.store.has_identity(&account.id).await
    }

    /// A guest's session is the only key to what the guest made: it is left to its cookie's fate.
    async fn sign_out_member(&self, secret: &str) -> Result<()> {
        let session = self.store.session(&digest(secret), self.world.now()).await?;
        if session.is_some_and(|session| session.signed_in) { self.sign_out(secret).await } else { Ok(()) }
    }

    /// Ends one session.
    pub async fn sign_out(&self, secret: &str) -> Result<()> {
        self.store.end_credential(&digest(secret), self.world.now()).await
    }

    /// Ends all sessions of the account.
    pub async fn sign_out_everywhere(&self, account: &Account) -> Result<()> {
        self.store.end_sessions(&account.id).await
    }

    /// A new session in the place of one that has grown old; `None` where there is nothing to replace.
    pub async fn rotate(&self, secret: &str) -> Result<Option<NewSession>> {
        let now = self.world.now();
        let Some(session) = self.store.session(&digest(secret), now).await? else { return Ok(None) };
        if session.created_at.plus(ROTATION_MS) > now {
            return Ok(None);
        }
        let new = self.begin_session(&session.account_id, session.signed_in).await?;
        self.store.end_credential(&digest(secret), now.plus(OVERLAP_MS)).await?;
        Ok(Some(new))
    }

    async fn begin_session(&self, account_id: &str, signed_in: bool) -> Result<NewSession> {
        let max_age_ms = if signed_in { SIGNED_IN_MS } else { CREDENTIAL_MS };
        let secret = self.add(account_id, CredentialKind::Session, None, max_age_ms).await?;
        Ok(NewSession { secret, max_age_ms })
    }

    async fn add(&self, account_id: &str, kind: CredentialKind, name: Option<&str>, lasts_ms: i64) -> Result<String> {
        let (secret, now) = (self.world.secret(), self.world.now());
        let credential = Credential { digest: &digest(&secret), kind, expires_at: now.plus(lasts_ms) };
        self.store.add_credential(account_id, credential, name, now).await?;
        Ok(secret)
    }

    /// The account's tokens, without their secrets.
    pub async fn tokens(&self, account: &Account) -> Result<Vec<TokenSummary>> {
        self.store.tokens(&account.id, self.world.now()).await
    }

    /// Makes a token. Its secret is in the answer and nowhere else.
    pub async fn create_token(&self, account: &Account, name: &str) -> Result<NewToken> {
        let name: String = name.trim().chars().filter(|c| !c.is_control()).take(100).collect();
        if name.is_empty() {
            return Err(Error::refused(ErrorCode::InvalidRequest, "Give the token a name."));
        }
        if self.tokens(account).await?.len() >= TOKENS_MAX {
            let words = format!("An account has at most {TOKENS_MAX} tokens. Revoke one first.");
            return Err(Error::refused(ErrorCode::LimitReached, words));
        }
        let secret = self.add(&account.id, CredentialKind::Token, Some(&name), CREDENTIAL_MS).await?;
        Ok(NewToken { name, token: secret })
    }

    /// Ends a token at once.
    pub async fn revoke_token(&self, account: &Account, id: &str) -> Result<()> {
        if self.store.revoke_token(&account.id, id).await? { Ok(()) } else { Err(ApiError::not_found("token").into()) }
    }

    /// Deletes an account: its records first, so that no account is ever without its files. Should files be left, or be put there by a
    /// worker that has not heard of it yet, nobody can reach them, and the janitor deletes them.
    pub async fn delete_account(&self, account_id: &str) -> Result<()> {
        self.accounts.delete_account(account_id, self.world.now()).await?;
        tracing::info!(account = account_id, "account deleted");
        if let Err(error) = self.delete_files(account_id).await {
            tracing::warn!(account = account_id, %error, "files of a deleted account are left to the janitor");
        }
        Ok(())
    }

    /// Deletes all files of an account.
    pub(super) async fn delete_files(&self, account_id: &str) -> Result<()> {
        for folder in account_folders(account_id) {
            self.blobs.delete_all(&folder).await?;
        }
        Ok(())
    }
}

/// The instant `days` before `now`.
pub(super) fn days_before(now: UnixMs, days: u32) -> UnixMs {
    now.plus(-DAY_MS * i64::from(days))
}

fn see_that_is_good(password: &str) -> Result<()> {
    if password.chars().count() >= PASSWORD_CHARS_MIN && password.len() <= PASSWORD_BYTES_MAX {
        return Ok(());
    }
    let words = format!("Choose a password of at least {PASSWORD_CHARS_MIN} characters.");
    Err(Error::refused(ErrorCode::InvalidSignUp, words))
}

/// An e-mail address as it is kept. Only mail could tell whether it is somebody's; this sees what cannot be one.
fn address(text: &str) -> Result<String> {
    let address = text.trim().to_lowercase();
    let sound = address.len() <= 254
        && !address.contains(|c: char| c.is_whitespace() || c.is_control())
        && address.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty()
                && host.contains('.')
                && !host.starts_with('.')
                && !host.ends_with('.')
                && !host.contains('@')
        });
    let refusal = || Error::refused(ErrorCode::InvalidSignUp, "This is not an e-mail address.");
    if sound { Ok(address) } else { Err(refusal()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::address;

    #[test]
    fn addresses_are_recognized() {
        for sound in ["a@b.org", " Ada.Lovelace+x@Example.COM ", "ü@münchen.de"] {
            assert!(address(sound).is_ok(), "{sound}");
        }
        for not in ["", "a", "@b.org", "a@b", "a@.org", "a@b.", "a@b@c.org", "a b@c.org", "a\n@b.org"] {
            assert!(address(not).is_err(), "{not}");
        }
        assert_eq!(address("Ada@Example.com").unwrap(), "ada@example.com");
    }
}
