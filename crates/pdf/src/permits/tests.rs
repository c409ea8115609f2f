//! Waiting, timeouts, disconnects and charged time.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use futures::FutureExt;

use super::*;
use Priority::{Background, Interactive};

const WAIT_MAX: Duration = Duration::from_millis(20);

fn permits(count: usize, waiting_max: usize) -> WorkerPermits {
    WorkerPermits::new("test", count, waiting_max, WAIT_MAX, None)
}

fn requester(account: &str) -> Requester {
    Requester::unlimited(account)
}

async fn interactive(permits: &WorkerPermits, account: &str) -> Result<WorkerPermit, PdfError> {
    permits.acquire(Interactive, &requester(account)).await
}

/// The answer to a request that does not wait.
fn at_once(permits: &WorkerPermits, account: &str) -> Result<WorkerPermit, PdfError> {
    interactive(permits, account).now_or_never().unwrap()
}

#[tokio::test]
async fn interactive_request_times_out_and_background_request_keeps_waiting() {
    let permits = permits(2, 10);
    let held = [at_once(&permits, "a").unwrap(), at_once(&permits, "b").unwrap()];
    assert!(matches!(interactive(&permits, "c").await, Err(PdfError::Busy)));
    let job = requester("job");
    let mut background = Box::pin(permits.acquire(Background, &job));
    assert!(timeout(3 * WAIT_MAX, &mut background).await.is_err());
    drop(held);
    assert!(background.await.is_ok());
}

#[tokio::test]
async fn request_of_a_disconnected_caller_takes_no_permit() {
    let permits = permits(2, 10);
    let (first, again) = (at_once(&permits, "a").unwrap(), requester("a"));
    let mut before = Box::pin(permits.acquire(Interactive, &again));
    assert!(futures::poll!(&mut before).is_pending(), "the last permit is for another account");
    drop(before);
    // This one is granted a permit, and disconnects before it takes it.
    let mut after = Box::pin(permits.acquire(Interactive, &again));
    assert!(futures::poll!(&mut after).is_pending());
    drop(first);
    drop(after);
    let both = [at_once(&permits, "b"), at_once(&permits, "c")];
    assert!(both.iter().all(Result::is_ok), "both permits are free");
}

#[tokio::test]
async fn small_request_is_served_while_another_account_has_eight_slow_ones() {
    let permits = permits(4, 10);
    let slow = requester("a");
    let mut slow: Vec<_> = (0..8).map(|_| Box::pin(permits.acquire(Interactive, &slow))).collect();
    let held: Vec<_> = slow.iter_mut().filter_map(|slow| slow.as_mut().now_or_never()).collect();
    assert_eq!(held.len(), 2);
    assert!(at_once(&permits, "b").is_ok());
}

#[tokio::test]
async fn full_queue_rejects_requests_unless_a_permit_is_free_for_them() {
    let permits = permits(2, 1);
    let (_held, again) = (at_once(&permits, "a").unwrap(), requester("a"));
    let mut waiting = Box::pin(permits.acquire(Interactive, &again));
    assert!(futures::poll!(&mut waiting).is_pending());
    assert!(matches!(at_once(&permits, "a"), Err(PdfError::Busy)));
    assert!(at_once(&permits, "b").is_ok());
}

/// The worker seconds of accounts. An account at its limit is rejected for an hour.
#[derive(Debug, Default)]
struct Seconds(Mutex<HashMap<String, u64>>);

impl WorkerTime for Seconds {
    fn admit(&self, requester: &Requester, _now: time::Instant) -> Result<(), Duration> {
        let used = self.0.lock().unwrap().get(&requester.account).copied().unwrap_or(0);
        let is_spent = requester.seconds_per_hour > 0 && used >= requester.seconds_per_hour;
        if is_spent { Err(Duration::from_secs(3_600)) } else { Ok(()) }
    }

    fn charge(&self, requester: &Requester, time: Duration, _now: time::Instant) {
        *self.0.lock().unwrap().entry(requester.account.clone()).or_default() += time.as_secs();
    }
}

#[tokio::test]
async fn time_of_every_permit_is_charged_to_its_account() {
    let seconds = Arc::new(Seconds::default());
    let permits = WorkerPermits::new("test", 4, 10, WAIT_MAX, Some(seconds.clone()));
    let limited = Requester { seconds_per_hour: 60, ..requester("a") };
    let first = permits.acquire(Interactive, &limited).await.unwrap();
    for mut permit in [first.another().unwrap(), first] {
        permit.since -= Duration::from_secs(40);
    }
    assert_eq!(seconds.0.lock().unwrap()["a"], 80);
    for priority in [Interactive, Background] {
        let answer = permits.acquire(priority, &limited).await;
        let Err(PdfError::BudgetSpent(wait)) = answer else { panic!("{answer:?}") };
        assert_eq!(wait.as_secs(), 3_600);
    }
    assert!(at_once(&permits, "b").is_ok());
}
