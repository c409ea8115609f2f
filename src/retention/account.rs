//! Deletes an account and everything that it owns.

use std::sync::Arc;

use crate::accounts::{Accounts, Operator, Operators};
use crate::changes::Changes;
use crate::clock::Clock;
use crate::error::Result;
use crate::uploads::{Blobs, account_folders};

/// Deletes accounts. Cheap to clone.
#[derive(Clone)]
pub struct AccountDeletion {
    pub accounts: Arc<dyn Accounts>,
    pub blobs: Arc<dyn Blobs>,
    /// Notifies open streams of an account that its sessions and tokens have ended.
    pub changes: Changes,
    pub clock: Arc<dyn Clock>,
}

impl AccountDeletion {
    /// Deletes the account. The records are deleted first, so that no account is ever without its files. No record names the files that are
    /// left, or that a worker adds later; the purger deletes them.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn delete(&self, account_id: &str) -> Result<()> {
        self.accounts.delete_account(account_id, self.clock.now()).await?;
        self.changes.tell_credentials_ended(account_id);
        tracing::info!(account = account_id, "account deleted");
        if let Err(error) = self.delete_files(account_id).await {
            tracing::warn!(account = account_id, %error, "files of a deleted account not deleted; the purger retries");
        }
        Ok(())
    }

    /// Deletes an account for an operator.
    ///
    /// # Errors
    /// The errors of [`Operators::delete`].
    pub async fn delete_for(&self, operators: &Operators, operator: &Operator, account_id: &str) -> Result<()> {
        operators.delete(operator, account_id).await?;
        if let Err(error) = self.delete_files(account_id).await {
            tracing::warn!(account = account_id, %error, "files of a deleted account are left to the purger");
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
