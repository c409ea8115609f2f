//! Limits how many jobs of one account a worker holds at once, so that an account with many slow jobs does not block other accounts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the jobs that a worker holds, by account. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct AccountSlots {
    held: Arc<Mutex<HashMap<String, usize>>>,
    account_max: usize,
}

/// The slot of one job of an account. Dropping it frees the slot.
#[derive(Debug)]
pub(super) struct AccountSlot {
    slots: AccountSlots,
    account_id: String,
}

impl AccountSlots {
    /// For `held_max` slots in all, of which one account gets at most three quarters. The others become free soon, because jobs that wait
    /// at Google hold none.
    pub(super) fn new(held_max: usize) -> Self {
        Self { held: Arc::default(), account_max: (held_max * 3 / 4).max(1) }
    }

    /// A slot for a job of the account. `None`: the account has all its slots.
    pub(super) fn take(&self, account_id: &str) -> Option<AccountSlot> {
        let mut held = self.held();
        let count = held.entry(account_id.to_owned()).or_default();
        (*count < self.account_max).then(|| {
            *count += 1;
            AccountSlot { slots: self.clone(), account_id: account_id.to_owned() }
        })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AccountSlot {
    fn drop(&mut self) {
        let mut held = self.slots.held();
        if let Some(count) = held.get_mut(&self.account_id) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.account_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AccountSlots;

    #[test]
    fn account_with_all_its_slots_leaves_slots_to_others() {
        let slots = AccountSlots::new(4);
        let taken: Vec<_> = (0..4).filter_map(|_| slots.take("a")).collect();
        assert_eq!(taken.len(), 3);
        assert!(slots.take("b").is_some());
        drop(taken);
        assert!(slots.take("a").is_some());
        assert!(AccountSlots::new(1).take("a").is_some(), "any account can take a single slot");
    }
}
