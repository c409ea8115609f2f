//! The order of requests: examples, and properties of any sequence of requests.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use Priority::{Background, Interactive};

fn requester(account: &str, network: Option<&str>) -> Requester {
    Requester { network: network.map(str::to_owned), ..Requester::unlimited(account) }
}

fn request(priority: Priority, account: &str, network: Option<&str>) -> PermitRequest {
    PermitRequest::new(priority, &requester(account, network))
}

/// A queue of requests named by their accounts.
struct TestQueue(FairQueue<String>);

impl TestQueue {
    fn new(permits: usize) -> Self {
        Self(FairQueue::new(permits, 100))
    }

    fn ask(&mut self, priority: Priority, account: &str, network: Option<&str>) {
        self.0.push(request(priority, account, network), account.to_owned());
    }

    fn grants(&mut self) -> Vec<(PermitRequest, String)> {
        std::iter::from_fn(|| self.0.next()).collect()
    }

    fn served(&mut self) -> String {
        self.grants().into_iter().map(|(_, account)| account).collect()
    }

    fn release(&mut self, priority: Priority, account: &str, network: Option<&str>) -> String {
        self.0.release(&request(priority, account, network));
        self.served()
    }
}

#[test]
fn account_with_many_requests_leaves_permits_to_others() {
    let mut queue = TestQueue::new(4);
    (0..8).for_each(|_| queue.ask(Interactive, "a", None));
    assert_eq!(queue.served(), "aa", "one stays free for others and one for background work");
    queue.ask(Background, "c", None);
    queue.ask(Interactive, "b", None);
    assert_eq!(queue.served(), "cb");
    queue.ask(Interactive, "b", None);
    assert_eq!(queue.release(Interactive, "a", None), "", "the last one is for a requester without a permit");
    queue.ask(Interactive, "d", None);
    assert_eq!(queue.served(), "d");
    assert_eq!(queue.release(Background, "c", None), "");
    assert_eq!(queue.release(Interactive, "d", None), "", "the second to last is for background work");
    assert_eq!(queue.release(Interactive, "b", None), "b", "the account with the fewest permits is next");
}

#[test]
fn network_with_many_accounts_counts_as_one() {
    let mut queue = TestQueue::new(4);
    for account in ["a", "b", "c", "d"] {
        queue.ask(Interactive, account, Some("n"));
    }
    assert_eq!(queue.served(), "ab");
    queue.ask(Interactive, "x", Some("m"));
    assert_eq!(queue.served(), "x");
    queue.ask(Interactive, "y", Some("m"));
    assert_eq!(queue.release(Interactive, "x", Some("m")), "y");
    assert_eq!(queue.release(Interactive, "a", Some("n")), "");
    assert_eq!(queue.release(Interactive, "b", Some("n")), "c");
}

#[test]
fn background_work_leaves_two_permits_and_always_gets_one() {
    for (permits, most) in [(1, 1), (2, 1), (3, 1), (4, 2), (8, 6)] {
        let mut queue = TestQueue::new(permits);
        (0..10).for_each(|number| queue.ask(Background, &number.to_string(), None));
        assert_eq!(queue.served().len(), most, "of {permits}");
    }
    let mut queue = TestQueue::new(2);
    queue.ask(Interactive, "a", None);
    queue.ask(Interactive, "b", None);
    assert_eq!(queue.served(), "ab");
    queue.ask(Interactive, "c", None);
    queue.ask(Background, "j", None);
    assert_eq!(queue.release(Interactive, "a", None), "j");
    assert_eq!(queue.release(Interactive, "b", None), "c");
}

#[test]
fn account_limit_applies_to_each_priority() {
    let guest = Requester { permits_max: 1, ..requester("g", None) };
    let mut queue = FairQueue::new(8, 100);
    for priority in [Interactive, Interactive, Background, Background] {
        queue.push(PermitRequest::new(priority, &guest), ());
    }
    let granted: Vec<Priority> = std::iter::from_fn(|| queue.next()).map(|(request, ())| request.priority).collect();
    assert_eq!(granted, [Background, Interactive]);
    assert!(!queue.widen(&PermitRequest::new(Background, &guest)));
}

#[test]
fn widened_request_counts_and_leaves_a_permit_for_the_next() {
    let mut queue = TestQueue::new(4);
    queue.ask(Background, "a", None);
    let (held, _) = queue.grants().remove(0);
    assert!(queue.0.widen(&held) && !queue.0.widen(&held));
    queue.ask(Background, "b", None);
    assert_eq!(queue.served(), "");
    queue.ask(Interactive, "c", None);
    queue.ask(Interactive, "d", None);
    assert_eq!(queue.served(), "cd");
    assert_eq!(queue.release(Background, "a", None), "", "two permits are for interactive work");
}

#[test]
fn full_queue_rejects_the_newest_request_of_the_account_with_most() {
    let mut queue = FairQueue::new(2, 3);
    let push = |queue: &mut FairQueue<u32>, account, number| {
        queue.push(request(Background, account, None), number);
        queue.overflow()
    };
    assert_eq!([1, 2, 3].map(|number| push(&mut queue, "a", number)), [None; 3]);
    assert_eq!(push(&mut queue, "a", 4), Some(4), "the account's own newest");
    assert_eq!(push(&mut queue, "b", 5), Some(3));
    assert_eq!(push(&mut queue, "b", 6), Some(6), "both accounts have two, and this one is newer");
    assert_eq!(queue.next().map(|(_, number)| number), Some(1));
}

#[derive(Clone, Debug)]
enum Move {
    Ask { account: u8, priority: Priority },
    Cancel(usize),
    Widen(usize),
    Release(usize),
}

fn any_move() -> impl Strategy<Value = Move> {
    let priority = prop_oneof![Just(Interactive), Just(Background)];
    prop_oneof![
        4 => (0_u8..8, priority).prop_map(|(account, priority)| Move::Ask { account, priority }),
        1 => any::<usize>().prop_map(Move::Cancel),
        1 => any::<usize>().prop_map(Move::Widen),
        3 => any::<usize>().prop_map(Move::Release),
    ]
}

/// Accounts 0 and 1 have no network; of the others, even and odd ones share one each. Odd ones are guests.
fn any_requester(account: u8) -> Requester {
    let network = (account >= 2).then(|| format!("network {}", account % 2));
    let permits_max = if account.is_multiple_of(2) { 3 } else { 1 };
    Requester { network, permits_max, ..Requester::unlimited(account.to_string()) }
}

fn network_of(request: &PermitRequest) -> Party {
    request.network().clone()
}

/// A waiting request of the model: its ticket, the request, and how often each other network was served since its own network was.
type Asked = (u64, PermitRequest, BTreeMap<String, usize>);

#[derive(Default)]
struct Model {
    waiting: Vec<Asked>,
    held: Vec<PermitRequest>,
}

impl Model {
    fn holding(&self, priority: Priority, party: impl Fn(&PermitRequest) -> bool) -> usize {
        self.held.iter().filter(|request| request.priority == priority && party(request)).count()
    }

    /// Checks a served request: it was the oldest of its account, and its network was not served twice before a waiting one.
    fn served(&mut self, ticket: u64, request: PermitRequest) {
        let own = |asked: &&Asked| asked.1.account == request.account && asked.1.priority == request.priority;
        assert_eq!(
            self.waiting.iter().find(own).map(|asked| asked.0),
            Some(ticket),
            "in order of arrival within the account"
        );
        self.waiting.retain(|asked| asked.0 != ticket);
        let held = &self.held;
        let has_nothing = |other: &PermitRequest| {
            !held.iter().any(|held| held.priority == other.priority && held.network() == other.network())
        };
        for (_, other, passed) in &mut self.waiting {
            if other.priority == request.priority && other.network() != request.network() && has_nothing(other) {
                let times = passed.entry(format!("{:?}", request.network())).or_default();
                *times += 1;
                assert!(*times <= 1, "a network without permits waits while another is served twice");
            }
        }
        self.granted(request);
    }

    fn granted(&mut self, request: PermitRequest) {
        let own = self.waiting.iter_mut().filter(|(_, other, _)| other.network() == request.network());
        own.for_each(|(_, _, passed)| passed.clear());
        self.held.push(request);
    }

    fn check(&self, permits: usize) {
        assert!(self.held.len() <= permits);
        assert!(self.holding(Background, |_| true) <= (permits - 2).max(1));
        for request in &self.held {
            for priority in [Interactive, Background] {
                assert!(self.holding(priority, |held| held.account == request.account) <= request.permits_max.max(1));
            }
            let interactive = self.holding(Interactive, |held| network_of(held) == network_of(request));
            assert!(interactive < permits, "one network has all permits");
        }
        // No request of a party without a permit waits while a permit is free.
        let starved = self.waiting.iter().find(|(_, waiting, _)| {
            waiting.priority == Interactive
                && self.holding(Interactive, |held| {
                    held.account == waiting.account || network_of(held) == network_of(waiting)
                }) == 0
        });
        assert!(starved.is_none() || self.held.len() == permits);
    }
}

proptest! {
    #[test]
    fn any_order_of_requests_is_served_fairly(
        permits in 2_usize..6,
        moves in prop::collection::vec(any_move(), 1..150),
    ) {
        let (mut queue, mut model) = (FairQueue::new(permits, 40), Model::default());
        for action in moves {
            match action {
                Move::Ask { account, priority } => {
                    let request = PermitRequest::new(priority, &any_requester(account));
                    // The waiter is the ticket itself, so that a rejected request can be found.
                    let number = queue.events + 1;
                    let ticket = queue.push(request.clone(), number);
                    prop_assert_eq!(ticket, number);
                    model.waiting.push((ticket, request, BTreeMap::new()));
                }
                Move::Cancel(which) if !model.waiting.is_empty() => {
                    let (ticket, ..) = model.waiting.remove(which % model.waiting.len());
                    queue.cancel(ticket);
                }
                Move::Widen(which) if !model.held.is_empty() => {
                    let request = model.held[which % model.held.len()].clone();
                    if queue.widen(&request) {
                        model.granted(request);
                        prop_assert!(model.held.len() < permits, "one permit stays free");
                    }
                }
                Move::Release(which) if !model.held.is_empty() => {
                    let request = model.held.remove(which % model.held.len());
                    queue.release(&request);
                }
                _ => {}
            }
            while let Some((request, ticket)) = queue.next() {
                model.served(ticket, request);
                model.check(permits);
            }
            let rejected = queue.overflow();
            model.waiting.retain(|asked| Some(asked.0) != rejected);
            prop_assert!(model.waiting.len() <= 40);
            model.check(permits);
        }
        // All waiting requests are served once permits return, and no state remains.
        while let Some(request) = model.held.pop() {
            queue.release(&request);
            while let Some((request, ticket)) = queue.next() {
                model.served(ticket, request);
            }
        }
        prop_assert!(model.waiting.is_empty());
        prop_assert!(queue.parties.is_empty() && queue.waiting.is_empty() && queue.held.all() == 0);
    }
}
