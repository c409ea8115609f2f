//! Counts of password attempts and known networks in memory.

use async_trait::async_trait;
use coldbrew::accounts::{Attempts, SignIns};
use coldbrew::error::{Error, Result};
use coldbrew::model::UnixMs;

use super::Memory;

const SUBJECTS_MAX: usize = 20_000;
const KNOWN_NETWORKS_MAX: usize = 20;

#[async_trait]
impl SignIns for Memory {
    async fn attempts(&self, subject: &str) -> Result<Option<Attempts>> {
        Ok(self.records().attempts.get(subject).copied())
    }

    async fn count_attempt(&self, subject: &str, before: Option<Attempts>, after: Attempts) -> Result<bool> {
        let attempts = &mut self.records().attempts;
        if attempts.get(subject).copied() != before {
            return Ok(false);
        }
        if before.is_none() && attempts.len() >= SUBJECTS_MAX {
            let fewest = attempts.iter().min_by_key(|(_, attempts)| (attempts.failures, attempts.last_at));
            let fewest = fewest.map(|(subject, _)| subject.clone());
            fewest.map(|subject| attempts.remove(&subject));
        }
        attempts.insert(subject.to_owned(), after);
        Ok(true)
    }

    async fn take_back_attempt(&self, subject: &str) -> Result<()> {
        if let Some(attempts) = self.records().attempts.get_mut(subject) {
            attempts.failures = attempts.failures.saturating_sub(1);
        }
        Ok(())
    }

    async fn forget_attempts(&self, subject: &str) -> Result<()> {
        self.records().attempts.remove(subject);
        Ok(())
    }

    async fn is_known_network(&self, account_id: &str, network: &str) -> Result<bool> {
        Ok(self.records().known_networks.contains_key(&(account_id.to_owned(), network.to_owned())))
    }

    async fn add_known_network(&self, account_id: &str, network: &str, now: UnixMs) -> Result<()> {
        let mut records = self.records();
        if !records.accounts.contains(account_id) {
            return Err(Error::internal("the account does not exist"));
        }
        let networks = &mut records.known_networks;
        networks.insert((account_id.to_owned(), network.to_owned()), now);
        let own = networks.iter().filter(|((account, _), _)| account == account_id);
        let mut own: Vec<_> = own.map(|(key, seen_at)| (std::cmp::Reverse(*seen_at), key.clone())).collect();
        own.sort();
        for (_, key) in own.into_iter().skip(KNOWN_NETWORKS_MAX) {
            networks.remove(&key);
        }
        Ok(())
    }

    async fn purge_attempts(&self, before: UnixMs) -> Result<()> {
        self.records().attempts.retain(|_, attempts| attempts.last_at >= before);
        Ok(())
    }
}
