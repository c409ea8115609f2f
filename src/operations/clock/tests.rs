//! Tests of the database's clock, on machines whose own clock is wrong.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};

use futures::FutureExt;

use super::*;
use crate::error::Error;

const START: UnixMs = UnixMs(1_700_000_000_000);
const HOUR_MS: i64 = 3_600_000;

/// A machine and its database. Time passes only where a test says so.
struct Site {
    origin: Instant,
    /// What has passed by the monotonic clock.
    passed_ms: AtomicI64,
    wall_ms: AtomicI64,
    database_ms: AtomicI64,
    request_ms: AtomicI64,
    answer_ms: AtomicI64,
    is_down: AtomicI64,
    measurements: AtomicUsize,
    moved_back_ms: AtomicI64,
}

impl Site {
    /// The clock of the machine is ahead by so much.
    fn new(ahead_ms: i64) -> Arc<Self> {
        Arc::new(Self {
            origin: Instant::now(),
            passed_ms: 0.into(),
            wall_ms: (START.0 + ahead_ms).into(),
            database_ms: START.0.into(),
            request_ms: 0.into(),
            answer_ms: 0.into(),
            is_down: 0.into(),
            measurements: 0.into(),
            moved_back_ms: 0.into(),
        })
    }

    fn pass(&self, ms: i64) {
        for clock in [&self.passed_ms, &self.wall_ms, &self.database_ms] {
            clock.fetch_add(ms, SeqCst);
        }
    }

    fn clock(self: &Arc<Self>) -> Arc<DatabaseClock> {
        Arc::new(DatabaseClock::new(self.clone(), self.clone()))
    }

    fn true_time(&self) -> UnixMs {
        UnixMs(self.database_ms.load(SeqCst))
    }
}

impl Clock for Site {
    fn now(&self) -> UnixMs {
        UnixMs(self.wall_ms.load(SeqCst))
    }

    fn tick(&self) -> Instant {
        self.origin + Duration::from_millis(self.passed_ms.load(SeqCst).unsigned_abs())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.pass(millis(duration));
        tokio::task::yield_now().boxed()
    }
}

#[async_trait]
impl DatabaseTime for Site {
    async fn database_time(&self) -> Result<UnixMs> {
        self.measurements.fetch_add(1, SeqCst);
        self.pass(self.request_ms.load(SeqCst));
        let shown = self.true_time();
        self.pass(self.answer_ms.load(SeqCst));
        if self.is_down.load(SeqCst) == 1 { Err(Error::unavailable("no answer")) } else { Ok(shown) }
    }

    async fn clock_went_back(&self, by_ms: i64) -> Result<()> {
        self.moved_back_ms.store(by_ms, SeqCst);
        Ok(())
    }
}

/// Lets a running clock watch until so many measurements were made.
async fn watched(site: &Arc<Site>, clock: &Arc<DatabaseClock>, measurements: usize) {
    let stop = CancellationToken::new();
    let running = tokio::spawn(clock.clone().run(stop.clone()));
    while site.measurements.load(SeqCst) < measurements {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn machine_wrong_by_hours_shows_the_databases_time() {
    for ahead_ms in [-50 * HOUR_MS, -600_000, 0, 600_000, 50 * HOUR_MS] {
        let site = Site::new(ahead_ms);
        let clock = site.clock();
        clock.measure().await.unwrap();
        assert_eq!((clock.now(), clock.offset_ms(), clock.wall()), (START, ahead_ms, START.plus(ahead_ms)));
        site.pass(5_000);
        site.wall_ms.fetch_add(-HOUR_MS, SeqCst);
        assert_eq!(clock.now(), site.true_time(), "a jump of the wall clock changes nothing");
    }
}

#[tokio::test]
async fn slow_answer_replaces_only_an_offset_that_it_disproves() {
    let site = Site::new(HOUR_MS);
    let clock = site.clock();
    site.request_ms.store(10, SeqCst);
    site.answer_ms.store(10, SeqCst);
    clock.measure().await.unwrap();
    assert_eq!(clock.now(), site.true_time());
    site.request_ms.store(4_000, SeqCst);
    clock.measure().await.unwrap();
    assert_eq!(clock.now(), site.true_time(), "the quick answer was more exact");
    site.database_ms.fetch_add(60_000, SeqCst);
    clock.measure().await.unwrap();
    assert_eq!(clock.now(), site.true_time().plus(1_995), "half of the round trip is assumed for the answer");
}

#[tokio::test]
async fn failed_measurement_keeps_the_last_offset() {
    let site = Site::new(HOUR_MS);
    let clock = site.clock();
    clock.measure().await.unwrap();
    site.is_down.store(1, SeqCst);
    site.pass(20_000);
    assert!(clock.measure().await.is_err());
    assert_eq!((clock.now(), clock.offset_ms()), (site.true_time(), HOUR_MS));
}

#[tokio::test]
async fn machine_suspended_is_measured_again_at_once() {
    let site = Site::new(0);
    let clock = site.clock();
    clock.measure().await.unwrap();
    watched(&site, &clock, 3).await;
    let regular_ms = site.passed_ms.load(SeqCst);
    assert!(regular_ms >= millis(INTERVAL), "measured after {regular_ms} ms");
    // During the suspension only the monotonic clock stands still.
    let waiting = tokio::spawn({
        let clock = clock.clone();
        async move { clock.until_due().await }
    });
    tokio::task::yield_now().await;
    for clock in [&site.wall_ms, &site.database_ms] {
        clock.fetch_add(HOUR_MS, SeqCst);
    }
    assert_eq!(clock.now(), site.true_time().plus(-HOUR_MS));
    waiting.await.unwrap();
    assert!(site.passed_ms.load(SeqCst) - regular_ms <= 2 * millis(CHECK), "the next check notices it");
    assert_eq!(clock.measure().await.unwrap(), 0, "time that has passed is no jump back");
    assert_eq!(clock.now(), site.true_time());
}

#[tokio::test]
async fn database_set_back_moves_waits_back() {
    let site = Site::new(0);
    let clock = site.clock();
    clock.measure().await.unwrap();
    watched(&site, &clock, 3).await;
    assert_eq!(site.moved_back_ms.load(SeqCst), UNSEEN_MS, "a jump before the start cannot be measured");
    site.database_ms.fetch_add(-HOUR_MS, SeqCst);
    site.moved_back_ms.store(0, SeqCst);
    assert_eq!(clock.measure().await.unwrap(), HOUR_MS);
    assert_eq!(clock.now(), site.true_time());
    // The running clock detects a jump and acts on it.
    let stop = CancellationToken::new();
    let running = tokio::spawn(clock.clone().run(stop.clone()));
    while site.moved_back_ms.load(SeqCst) != UNSEEN_MS {
        tokio::task::yield_now().await;
    }
    site.database_ms.fetch_add(-2 * HOUR_MS, SeqCst);
    while site.moved_back_ms.load(SeqCst) != 2 * HOUR_MS {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.unwrap();
}
