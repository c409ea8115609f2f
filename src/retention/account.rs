//! Deletes an account and everything that it owns.

use std::sync::Arc;

use super::DeletedAccounts;
use crate::accounts::{Accounts, Operator, Operators};
use crate::changes::Changes;
use crate::clock::Clock;
use crate::error::Result;

/// Deletes accounts. Cheap to clone.
#[derive(Clone)]
pub struct AccountDeletion {
    pub accounts: Arc<dyn Accounts>,
    pub deleted: DeletedAccounts,
    /// Notifies open streams of an account that its sessions and tokens have ended.
    pub changes: Changes,
    pub clock: Arc<dyn Clock>,
}

impl AccountDeletion {
    /// Deletes the account. It is listed first, so that no restored backup brings it back. The transaction that deletes its records also
    /// records the purge of its files.
    ///
    /// # Errors
    /// The database cannot be reached, or the data folder cannot be written.
    pub async fn delete(&self, account_id: &str) -> Result<()> {
        self.deleted.add([account_id.to_owned()]).await?;
        self.accounts.delete_account(account_id, self.clock.now()).await?;
        self.changes.tell_credentials_ended(account_id);
        tracing::info!(account = account_id, "account deleted");
        Ok(())
    }

    /// Deletes an account for an operator. It is listed first, as by [`Self::delete`], but only if the operator may delete it.
    ///
    /// # Errors
    /// The errors of [`Operators::delete`], or the data folder cannot be written.
    pub async fn delete_for(&self, operators: &Operators, operator: &Operator, account_id: &str) -> Result<()> {
        operators.admit_deletion(operator, account_id).await?;
        self.deleted.add([account_id.to_owned()]).await?;
        operators.delete(operator, account_id).await
    }
}
