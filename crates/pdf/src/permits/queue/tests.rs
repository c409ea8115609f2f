//! Whose turn it is: by example, and as properties of any order of requests.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use Priority::{Background, Interactive};

fn requester(account: &str, network: Option<&str>) -> Requester {
    Requester { network: network.map(str::to_owned), ..Requester::unlimited(account) }
}

fn claim(priority: Priority, account: &str, network: Option<&str>) -> Claim {
    Claim::new(priority, &requester(account, network))
}

/// Pushes requests named by their account, and grants what can be granted.
struct Lab(FairQueue<String>);

impl Lab {
    fn new(permits: usize) -> Self {
        Self(FairQueue::new(permits, 100))
    }

    fn ask(&mut self, priority: Priority, account: &str, network: Option<&str>) {
        self.0.push(claim(priority, account, network), account.to_owned());
    }

    fn grants(&mut self) -> Vec<(Claim, String)> {
        std::iter::from_fn(|| self.0.next()).collect()
    }

    fn served(&mut self) -> String {
        self.grants().into_iter().map(|(_, account)| account).collect()
    }

    fn release(&mut self, priority: Priority, account: &str, network: Option<&str>) -> String {
        self.0.release(&claim(priority, account, network));
        self.served()
    }
}

#[test]
fn account_with_many_requests_leaves_permits_to_others() {
    let mut lab = Lab::new(4);
    (0..8).for_each(|_| lab.ask(Interactive, "a", None));
    assert_eq!(lab.served(), "aa", "one stays for others, one for background work");
    lab.ask(Background, "c", None);
    lab.ask(Interactive, "b", None);
    assert_eq!(lab.served(), "cb");
    lab.ask(Interactive, "b", None);
    assert_eq!(lab.release(Interactive, "a", None), "", "the last one is for a requester that has none");
    lab.ask(Interactive, "d", None);
    assert_eq!(lab.served(), "d");
    assert_eq!(lab.release(Background, "c", None), "");
    assert_eq!(lab.release(Interactive, "d", None), "", "nor the last but one while background work has none");
    assert_eq!(lab.release(Interactive, "b", None), "b", "who holds the fewest comes first");
}

#[test]
fn network_with_many_accounts_counts_as_one() {
    let mut lab = Lab::new(4);
    for account in ["a", "b", "c", "d"] {
        lab.ask(Interactive, account, Some("n"));
    }
    assert_eq!(lab.served(), "ab");
    lab.ask(Interactive, "x", Some("m"));
    assert_eq!(lab.served(), "x");
    lab.ask(Interactive, "y", Some("m"));
    assert_eq!(lab.release(Interactive, "x", Some("m")), "y");
    assert_eq!(lab.release(Interactive, "a", Some("n")), "");
    assert_eq!(lab.release(Interactive, "b", Some("n")), "c");
}

#[test]
fn background_work_leaves_two_permits_and_is_never_without_one() {
    for (permits, most) in [(1, 1), (2, 1), (3, 1), (4, 2), (8, 6)] {
        let mut lab = Lab::new(permits);
        (0..10).for_each(|number| lab.ask(Background, &number.to_string(), None));
        assert_eq!(lab.served().len(), most, "of {permits}");
    }
    let mut lab = Lab::new(2);
    lab.ask(Interactive, "a", None);
    lab.ask(Interactive, "b", None);
    assert_eq!(lab.served(), "ab");
    lab.ask(Interactive, "c", None);
    lab.ask(Background, "j", None);
    assert_eq!(lab.release(Interactive, "a", None), "j");
    assert_eq!(lab.release(Interactive, "b", None), "c");
}

#[test]
fn share_of_an_account_bounds_each_priority() {
    let guest = Requester { permits_max: 1, ..requester("g", None) };
    let mut queue = FairQueue::new(8, 100);
    for priority in [Interactive, Interactive, Background, Background] {
        queue.push(Claim::new(priority, &guest), ());
    }
    let granted: Vec<Priority> = std::iter::from_fn(|| queue.next()).map(|(claim, ())| claim.priority).collect();
    assert_eq!(granted, [Background, Interactive]);
    assert!(!queue.widen(&Claim::new(Background, &guest)));
}

#[test]
fn wider_claim_counts_and_leaves_one_for_the_next() {
    let mut lab = Lab::new(4);
    lab.ask(Background, "a", None);
    let (held, _) = lab.grants().remove(0);
    assert!(lab.0.widen(&held) && !lab.0.widen(&held));
    lab.ask(Background, "b", None);
    assert_eq!(lab.served(), "");
    lab.ask(Interactive, "c", None);
    lab.ask(Interactive, "d", None);
    assert_eq!(lab.served(), "cd");
    assert_eq!(lab.release(Background, "a", None), "", "two permits are for interactive work");
}

#[test]
fn full_queue_refuses_the_newest_of_the_largest() {
    let mut queue = FairQueue::new(2, 3);
    let push = |queue: &mut FairQueue<u32>, account, number| {
        queue.push(claim(Background, account, None), number);
        queue.overflow()
    };
    assert_eq!([1, 2, 3].map(|number| push(&mut queue, "a", number)), [None; 3]);
    assert_eq!(push(&mut queue, "a", 4), Some(4), "its own");
    assert_eq!(push(&mut queue, "b", 5), Some(3));
    assert_eq!(push(&mut queue, "b", 6), Some(6), "it would have as many as the other, and is newer");
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

/// Accounts 0 and 1 have no network; three and three share one. Odd ones are guests.
fn any_requester(account: u8) -> Requester {
    let network = (account >= 2).then(|| format!("network {}", account % 2));
    let permits_max = if account.is_multiple_of(2) { 3 } else { 1 };
    Requester { network, permits_max, ..Requester::unlimited(account.to_string()) }
}

fn network_of(claim: &Claim) -> Party {
    claim.network().clone()
}

/// What a model remembers of a request: its number, its claim, and how often each other network passed its own since that was served.
type Asked = (u64, Claim, BTreeMap<String, usize>);

#[derive(Default)]
struct Model {
    waiting: Vec<Asked>,
    held: Vec<Claim>,
}

impl Model {
    fn holding(&self, priority: Priority, party: impl Fn(&Claim) -> bool) -> usize {
        self.held.iter().filter(|claim| claim.priority == priority && party(claim)).count()
    }

    /// The queue has served this request: it was the oldest of its account, and passed no other network twice.
    fn served(&mut self, ticket: u64, claim: Claim) {
        let own = |asked: &&Asked| asked.1.account == claim.account && asked.1.priority == claim.priority;
        assert_eq!(self.waiting.iter().find(own).map(|asked| asked.0), Some(ticket), "in the order of the account");
        self.waiting.retain(|asked| asked.0 != ticket);
        let held = &self.held;
        let has_nothing = |other: &Claim| {
            !held.iter().any(|held| held.priority == other.priority && held.network() == other.network())
        };
        for (_, other, passed) in &mut self.waiting {
            if other.priority == claim.priority && other.network() != claim.network() && has_nothing(other) {
                let times = passed.entry(format!("{:?}", claim.network())).or_default();
                *times += 1;
                assert!(*times <= 1, "a network that holds nothing is passed twice by another");
            }
        }
        self.granted(claim);
    }

    fn granted(&mut self, claim: Claim) {
        let own = self.waiting.iter_mut().filter(|(_, other, _)| other.network() == claim.network());
        own.for_each(|(_, _, passed)| passed.clear());
        self.held.push(claim);
    }

    fn check(&self, permits: usize) {
        assert!(self.held.len() <= permits);
        assert!(self.holding(Background, |_| true) <= (permits - 2).max(1));
        for claim in &self.held {
            for priority in [Interactive, Background] {
                assert!(self.holding(priority, |held| held.account == claim.account) <= claim.permits_max.max(1));
            }
            let interactive = self.holding(Interactive, |held| network_of(held) == network_of(claim));
            assert!(interactive < permits, "one network has them all");
        }
        // A free permit and a request of a party without one must not be there at the same time.
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
                    let claim = Claim::new(priority, &any_requester(account));
                    // The waiter is its own number, to be found again when it is refused.
                    let number = queue.events + 1;
                    let ticket = queue.push(claim.clone(), number);
                    prop_assert_eq!(ticket, number);
                    model.waiting.push((ticket, claim, BTreeMap::new()));
                }
                Move::Cancel(which) if !model.waiting.is_empty() => {
                    let (ticket, ..) = model.waiting.remove(which % model.waiting.len());
                    queue.cancel(ticket);
                }
                Move::Widen(which) if !model.held.is_empty() => {
                    let claim = model.held[which % model.held.len()].clone();
                    if queue.widen(&claim) {
                        model.granted(claim);
                        prop_assert!(model.held.len() < permits, "one is left");
                    }
                }
                Move::Release(which) if !model.held.is_empty() => {
                    let claim = model.held.remove(which % model.held.len());
                    queue.release(&claim);
                }
                _ => {}
            }
            while let Some((claim, ticket)) = queue.next() {
                model.served(ticket, claim);
                model.check(permits);
            }
            let refused = queue.overflow();
            model.waiting.retain(|asked| Some(asked.0) != refused);
            prop_assert!(model.waiting.len() <= 40);
            model.check(permits);
        }
        // Whatever still waits is served once permits come back, and nothing is remembered.
        while let Some(claim) = model.held.pop() {
            queue.release(&claim);
            while let Some((claim, ticket)) = queue.next() {
                model.served(ticket, claim);
            }
        }
        prop_assert!(model.waiting.is_empty());
        prop_assert!(queue.parties.is_empty() && queue.waiting.is_empty() && queue.held.all() == 0);
    }
}
