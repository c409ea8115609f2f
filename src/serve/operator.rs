//! The operator's commands that change accounts.

use super::Config;
use super::parts::{deletion, membership};
use crate::accounts::Membership;
use crate::changes::Changes;
use crate::error::{Error, Result};
use crate::model::EndedAccess;
use crate::store::sql::SqlStore;

/// Sets the quota of the account with this id or e-mail address. `None`: back to the default.
///
/// # Errors
/// There is no such account, or the database cannot be reached.
pub async fn set_quota(config: &Config, account: &str, tokens: Option<u64>) -> Result<()> {
    let store = config.storage.store().await?;
    let id = account_id(&store, account).await?;
    store.set_quota(&id, tokens).await
}

/// Sets a new password for a member, and ends all sessions and tokens. Returns the password, which is not stored, and what has ended.
///
/// # Errors
/// There is no such account, it is a guest's, or the database cannot be reached.
pub async fn reset_password(config: &Config, account: &str) -> Result<(String, EndedAccess)> {
    let (membership, id) = member(config, account).await?;
    membership.reset_password(&id).await
}

/// Ends all sessions and tokens of the account.
///
/// # Errors
/// There is no such account, or the database cannot be reached.
pub async fn lock_out(config: &Config, account: &str) -> Result<EndedAccess> {
    let (membership, id) = member(config, account).await?;
    membership.lock_out(&id).await
}

/// Deletes the account and everything that it owns.
///
/// # Errors
/// There is no such account, or the database cannot be reached.
pub async fn delete_account(config: &Config, account: &str) -> Result<()> {
    let store = config.storage.store().await?;
    let id = account_id(&store, account).await?;
    deletion(&store, config, Changes::default()).await?.delete(&id).await
}

/// The use cases of members, and the id of the account.
async fn member(config: &Config, account: &str) -> Result<(Membership, String)> {
    let store = config.storage.store().await?;
    let id = account_id(&store, account).await?;
    Ok((membership(config, &store, Changes::default()), id))
}

/// The id of the account with this id or e-mail address.
async fn account_id(store: &SqlStore, account: &str) -> Result<String> {
    let id = store.find_account(&account.to_lowercase()).await?;
    id.ok_or_else(|| Error::internal(format!("there is no account {account}")))
}
