//! Who gets the next permit. Pure: no clock, no task, no process.
//!
//! Permits go by turns: first to the network that holds the fewest, then to the account in it that holds the fewest, and among equals to
//! the one that was served longest ago. Requests of one account are served in the order in which they came.
//!
//! Some permits stay free, so that a slow document of one requester does not stop all others:
//! - Background work holds at most all but two, and one at least.
//! - A network or an account that holds a permit for interactive work never gets the last free one. While background work has none, it
//!   does not get the last but one either.

use std::collections::{HashMap, VecDeque};

use super::{Priority, Requester};

/// Whom a permit is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    account: Party,
    network: Option<Party>,
    priority: Priority,
    permits_max: usize,
}

impl Claim {
    pub(super) fn new(priority: Priority, requester: &Requester) -> Self {
        Self {
            account: Party::Account(requester.account.clone()),
            network: requester.network.clone().map(Party::Network),
            priority,
            permits_max: requester.permits_max.max(1),
        }
    }

    fn parties(&self) -> impl Iterator<Item = &Party> {
        std::iter::once(&self.account).chain(&self.network)
    }

    /// An account without a network is one of its own.
    fn network(&self) -> &Party {
        self.network.as_ref().unwrap_or(&self.account)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Party {
    Account(String),
    Network(String),
}

/// What a party has and waits for.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    held: Held,
    waiting: usize,
    /// When it was served last, or came.
    turn: u64,
}

/// A number of permits for each priority.
#[derive(Clone, Copy, Debug, Default)]
struct Held([usize; 2]);

impl Held {
    const fn of(self, priority: Priority) -> usize {
        self.0[priority as usize]
    }

    const fn all(self) -> usize {
        self.0[0] + self.0[1]
    }

    const fn add(&mut self, priority: Priority) {
        self.0[priority as usize] += 1;
    }

    const fn take(&mut self, priority: Priority) {
        self.0[priority as usize] = self.0[priority as usize].saturating_sub(1);
    }
}

/// A number of permits, and the requests that wait for one. `T` is what answers a request.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    permits: usize,
    waiting_max: usize,
    held: Held,
    /// In the order in which they came.
    waiting: VecDeque<Waiting<T>>,
    parties: HashMap<Party, Standing>,
    events: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    ticket: u64,
    claim: Claim,
    waiter: T,
}

impl<T> FairQueue<T> {
    /// At least two permits: a single one could not serve both priorities.
    pub(super) fn new(permits: usize, waiting_max: usize) -> Self {
        Self {
            permits: permits.max(2),
            waiting_max: waiting_max.max(1),
            held: Held::default(),
            waiting: VecDeque::new(),
            parties: HashMap::new(),
            events: 0,
        }
    }

    /// Adds a request under a number that [`Self::cancel`] takes.
    pub(super) fn push(&mut self, claim: Claim, waiter: T) -> u64 {
        self.events += 1;
        let ticket = self.events;
        for party in claim.parties() {
            self.parties.entry(party.clone()).or_insert(Standing { turn: ticket, ..Standing::default() }).waiting += 1;
        }
        self.waiting.push_back(Waiting { ticket, claim, waiter });
        ticket
    }

    /// Removes a request that is too many to wait: the newest of the account with most requests, in the network with most. To be called
    /// once no other can be granted.
    pub(super) fn overflow(&mut self) -> Option<T> {
        if self.waiting.len() <= self.waiting_max {
            return None;
        }
        let waiting_of = |party| self.standing(party).waiting;
        let (place, _) = self.waiting.iter().enumerate().max_by_key(|(_, Waiting { claim, ticket, .. })| {
            (waiting_of(claim.network()), waiting_of(&claim.account), *ticket)
        })?;
        self.remove(place).map(|refused| refused.waiter)
    }

    /// Removes a request, if it still waits.
    pub(super) fn cancel(&mut self, ticket: u64) {
        if let Some(place) = self.waiting.iter().position(|waiting| waiting.ticket == ticket) {
            self.remove(place);
        }
    }

    /// Grants a permit to the request whose turn it is, if one may have it now.
    pub(super) fn next(&mut self) -> Option<(Claim, T)> {
        let eligible = self.waiting.iter().enumerate().filter(|(_, waiting)| self.may_hold(&waiting.claim));
        let (place, _) = eligible.min_by_key(|(_, waiting)| self.order(waiting))?;
        let Waiting { claim, waiter, .. } = self.remove(place)?;
        self.hold(&claim);
        Some((claim, waiter))
    }

    /// Grants one more permit to a claim that holds one, if that leaves one for the next request.
    pub(super) fn widen(&mut self, claim: &Claim) -> bool {
        let may = self.may_hold(claim) && self.free() > 1;
        if may {
            self.hold(claim);
        }
        may
    }

    /// Takes a permit back.
    pub(super) fn release(&mut self, claim: &Claim) {
        self.held.take(claim.priority);
        self.change(claim, |standing| standing.held.take(claim.priority));
    }

    fn hold(&mut self, claim: &Claim) {
        self.events += 1;
        let turn = self.events;
        self.held.add(claim.priority);
        for party in claim.parties() {
            let standing = self.parties.entry(party.clone()).or_default();
            standing.held.add(claim.priority);
            standing.turn = turn;
        }
    }

    fn may_hold(&self, claim: &Claim) -> bool {
        let priority = claim.priority;
        if self.standing(&claim.account).held.of(priority) >= claim.permits_max {
            return false;
        }
        let background = self.held.of(Priority::Background);
        let is_first = claim.parties().all(|party| self.standing(party).held.of(priority) == 0);
        let others_need = match priority {
            Priority::Interactive if is_first => 0,
            Priority::Interactive => 1 + usize::from(background == 0),
            Priority::Background if background == 0 => 0,
            Priority::Background if background + 2 >= self.permits => return false,
            Priority::Background => 1,
        };
        self.free() > others_need
    }

    /// The smallest is served first. Background work comes first only while it has no permit at all: so it never stands still.
    fn order(&self, waiting: &Waiting<T>) -> impl Ord + use<T> {
        let Claim { account, priority, .. } = &waiting.claim;
        let of = |party| {
            let standing = self.standing(party);
            (standing.held.of(*priority), standing.turn)
        };
        let rank = match priority {
            Priority::Background if self.held.of(Priority::Background) == 0 => 0,
            Priority::Interactive => 1,
            Priority::Background => 2,
        };
        (rank, of(waiting.claim.network()), of(account), waiting.ticket)
    }

    fn remove(&mut self, place: usize) -> Option<Waiting<T>> {
        let removed = self.waiting.remove(place)?;
        self.change(&removed.claim, |standing| standing.waiting -= 1);
        Some(removed)
    }

    /// Changes what the parties of a claim have. A party that holds nothing and has no request waiting is forgotten.
    fn change(&mut self, claim: &Claim, change: impl Fn(&mut Standing)) {
        for party in claim.parties() {
            if let Some(standing) = self.parties.get_mut(party) {
                change(standing);
                if standing.held.all() + standing.waiting == 0 {
                    self.parties.remove(party);
                }
            }
        }
    }

    fn standing(&self, party: &Party) -> Standing {
        self.parties.get(party).copied().unwrap_or_default()
    }

    fn free(&self) -> usize {
        self.permits.saturating_sub(self.held.all())
    }
}

#[cfg(test)]
mod tests;
