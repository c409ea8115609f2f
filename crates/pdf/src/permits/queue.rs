//! Decides which request gets the next permit. It is pure: without clock, tasks and processes.
//!
//! The next permit goes to the network that holds the fewest, and in it to the account that holds the fewest. Among equals, it goes to the
//! one served longest ago. Requests of one account are served in order.
//!
//! Some permits stay free, so that a slow document of one requester does not block all others:
//! - Background work holds at most all but two permits, and at least one.
//! - A network or account that holds an interactive permit never gets the last free one. While background work has none, it does not get
//!   the second to last either.

use std::collections::{HashMap, VecDeque};

use super::{Priority, Requester};

/// A request for a permit: its account, network, priority and limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PermitRequest {
    account: Party,
    network: Option<Party>,
    priority: Priority,
    permits_max: usize,
}

impl PermitRequest {
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

    /// The network, or the account if it has none.
    fn network(&self) -> &Party {
        self.network.as_ref().unwrap_or(&self.account)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Party {
    Account(String),
    Network(String),
}

/// The permits and waiting requests of a party.
#[derive(Clone, Copy, Debug, Default)]
struct PartyState {
    held: Held,
    waiting: usize,
    /// The number of the event when it was last served, or came.
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

/// A number of permits, and the requests that wait for one. `T` answers a request.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    permits: usize,
    waiting_max: usize,
    held: Held,
    /// In order of arrival.
    waiting: VecDeque<Waiting<T>>,
    parties: HashMap<Party, PartyState>,
    events: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    ticket: u64,
    request: PermitRequest,
    waiter: T,
}

impl<T> FairQueue<T> {
    /// At least two permits, since one could not serve both priorities.
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

    /// Adds a request. Returns its ticket for [`Self::cancel`].
    pub(super) fn push(&mut self, request: PermitRequest, waiter: T) -> u64 {
        self.events += 1;
        let ticket = self.events;
        for party in request.parties() {
            self.parties
                .entry(party.clone())
                .or_insert(PartyState { turn: ticket, ..PartyState::default() })
                .waiting += 1;
        }
        self.waiting.push_back(Waiting { ticket, request, waiter });
        ticket
    }

    /// If too many requests wait, removes the newest of the account with most, in the network with most. Call it when no request can be
    /// granted.
    pub(super) fn overflow(&mut self) -> Option<T> {
        if self.waiting.len() <= self.waiting_max {
            return None;
        }
        let waiting_of = |party| self.state(party).waiting;
        let (place, _) = self.waiting.iter().enumerate().max_by_key(|(_, Waiting { request, ticket, .. })| {
            (waiting_of(request.network()), waiting_of(&request.account), *ticket)
        })?;
        self.remove(place).map(|rejected| rejected.waiter)
    }

    /// Removes a request if it still waits.
    pub(super) fn cancel(&mut self, ticket: u64) {
        if let Some(place) = self.waiting.iter().position(|waiting| waiting.ticket == ticket) {
            self.remove(place);
        }
    }

    /// Grants a permit to the next request that can have one.
    pub(super) fn next(&mut self) -> Option<(PermitRequest, T)> {
        let eligible = self.waiting.iter().enumerate().filter(|(_, waiting)| self.may_hold(&waiting.request));
        let (place, _) = eligible.min_by_key(|(_, waiting)| self.order(waiting))?;
        let Waiting { request, waiter, .. } = self.remove(place)?;
        self.hold(&request);
        Some((request, waiter))
    }

    /// Grants one more permit to a request that holds one, if another one stays free for the next request.
    pub(super) fn widen(&mut self, request: &PermitRequest) -> bool {
        let may = self.may_hold(request) && self.free() > 1;
        if may {
            self.hold(request);
        }
        may
    }

    /// Returns a permit to the pool.
    pub(super) fn release(&mut self, request: &PermitRequest) {
        self.held.take(request.priority);
        self.change(request, |state| state.held.take(request.priority));
    }

    fn hold(&mut self, request: &PermitRequest) {
        self.events += 1;
        let turn = self.events;
        self.held.add(request.priority);
        for party in request.parties() {
            let state = self.parties.entry(party.clone()).or_default();
            state.held.add(request.priority);
            state.turn = turn;
        }
    }

    fn may_hold(&self, request: &PermitRequest) -> bool {
        let priority = request.priority;
        if self.state(&request.account).held.of(priority) >= request.permits_max {
            return false;
        }
        let background = self.held.of(Priority::Background);
        let is_first = request.parties().all(|party| self.state(party).held.of(priority) == 0);
        let others_need = match priority {
            Priority::Interactive if is_first => 0,
            Priority::Interactive => 1 + usize::from(background == 0),
            Priority::Background if background == 0 => 0,
            Priority::Background if background + 2 >= self.permits => return false,
            Priority::Background => 1,
        };
        self.free() > others_need
    }

    /// The smallest is served first. Background work comes first only while it has no permit, so that it never stops.
    fn order(&self, waiting: &Waiting<T>) -> impl Ord + use<T> {
        let PermitRequest { account, priority, .. } = &waiting.request;
        let of = |party| {
            let state = self.state(party);
            (state.held.of(*priority), state.turn)
        };
        let rank = match priority {
            Priority::Background if self.held.of(Priority::Background) == 0 => 0,
            Priority::Interactive => 1,
            Priority::Background => 2,
        };
        (rank, of(waiting.request.network()), of(account), waiting.ticket)
    }

    fn remove(&mut self, place: usize) -> Option<Waiting<T>> {
        let removed = self.waiting.remove(place)?;
        self.change(&removed.request, |state| state.waiting -= 1);
        Some(removed)
    }

    /// Changes the states of a request's parties. A party without permits and waiting requests is removed.
    fn change(&mut self, request: &PermitRequest, change: impl Fn(&mut PartyState)) {
        for party in request.parties() {
            if let Some(state) = self.parties.get_mut(party) {
                change(state);
                if state.held.all() + state.waiting == 0 {
                    self.parties.remove(party);
                }
            }
        }
    }

    fn state(&self, party: &Party) -> PartyState {
        self.parties.get(party).copied().unwrap_or_default()
    }

    fn free(&self) -> usize {
        self.permits.saturating_sub(self.held.all())
    }
}

#[cfg(test)]
mod tests;
