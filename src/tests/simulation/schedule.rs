//! One schedule: its workers, its submissions, and its failures.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use coldbrew::accounts::spending::Budget;
use coldbrew::accounts::{Account, Accounts, Credential, CredentialKind};
use coldbrew::changes::Changes;
use coldbrew::clock::{Clock, IdGenerator};
use coldbrew::documents::Documents;
use coldbrew::error::Error;
use coldbrew::jobs::machine::{Lane, Timing};
use coldbrew::jobs::{Acceptance, Jobs};
use coldbrew::jobs::{Listings, Poller, Reaper, Worker, WorkerPolicy, WorkerPorts, WorkerSettings};
use coldbrew::metrics::LoopAges;
use coldbrew::model::{Mode, Pricing, UnixMs};
use coldbrew::operations::DatabaseClock;
use coldbrew::uploads::Uploads;
use coldbrew_gemini::models::Models;
use futures::FutureExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::check;
use super::clocks::Clocks;
use super::disk::Disk;
use super::dues::Dues;
use super::google::{Line, Service};
use super::machine::Machine;
use super::odds::Odds;
use super::record::Connection;
use super::submission::{new_job, upload};
use super::timeline::{START_MS, Timeline};
use crate::support::memory::{Memory, UNLIMITED};

const MINUTE_MS: i64 = 60_000;
/// Failures happen only before this time.
pub const TROUBLED_MS: i64 = 15 * MINUTE_MS;
/// A job that has not ended by this time never will. It may have to wait for the budgets of several days.
const END_MS: i64 = 40 * 24 * 60 * MINUTE_MS;
/// After this time nothing new happens, so workers may sleep longer.
const CALM_MS: i64 = 60 * MINUTE_MS;
pub const ACCOUNT: &str = "account";
pub const QUOTA: u64 = 1_000_000;

/// The timing of production, with minutes instead of days. The listings for a lost create are not shortened.
const TIMING: Timing = Timing {
    poll_ms: 15_000,
    reconcile_ms: 30_000,
    reconcile_listings: 17,
    retry_ms: 20_000,
    pending_ms_max: 2 * MINUTE_MS,
    odd_ms_max: MINUTE_MS,
    running_ms_max: 6 * MINUTE_MS,
    batch_ms_max: 12 * MINUTE_MS,
    flex_ms_max: 10 * MINUTE_MS,
    unsent_ms_max: 12 * 60 * MINUTE_MS,
    budget_ms: 2 * 60 * MINUTE_MS,
    creates_max: 20,
    fetches_max: 50,
};
const LEASE: Duration = Duration::from_secs(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// Shared by all schedules, because creating it takes longer than a schedule. It has no watchers.
static CHANGES: LazyLock<Changes> = LazyLock::new(Changes::default);

/// A machine that runs a worker. When the process ends, the clock remains, and perhaps the disk.
struct Host {
    number: usize,
    wrong_by_ms: Arc<AtomicI64>,
    disk: Disk,
    stop: CancellationToken,
}

/// A running schedule.
pub struct Schedule {
    timeline: Timeline,
    odds: Odds,
    memory: Memory,
    clocks: Clocks,
    service: Service,
    ids: Arc<AtomicU64>,
    hosts: Mutex<Vec<Host>>,
    /// Submissions without an answer.
    waiting: AtomicU64,
    models: Models,
    budget: Budget,
    origin: Instant,
}

/// Draws the budget. In half of the schedules it is soon used up: it has room for little more than the expected cost of one document.
fn draw_budget(timeline: &Timeline) -> Budget {
    let ceiling = [20_000, 60_000, 250_000][usize::try_from(timeline.pick(0..3)).unwrap()];
    let of_guests = timeline.happens(0.5);
    let quota = Budget { quota_tokens: QUOTA, guest_quota_tokens: QUOTA, ..Budget::UNLIMITED };
    // In a third of the schedules, a batch has room for one page or two.
    let page_tokens = Pricing::default().expected_usage(Pricing::default().estimate_page(None)).input;
    let batch_tokens_max = timeline.happens(0.33).then(|| page_tokens * [2, 3][usize::from(timeline.happens(0.5))]);
    let quota = Budget { batch_tokens_max, ..quota };
    match timeline.happens(0.5) {
        true if of_guests => Budget { guests_daily_max: Some(ceiling), ..quota },
        true => Budget { daily_max: Some(ceiling), ..quota },
        false => quota,
    }
}

/// Runs the schedule of a seed to its end and checks it. Panics if a check fails. Returns how many jobs succeeded and failed. `is_logged`:
/// prints what happens.
pub fn run(seed: u64, is_logged: bool) -> (usize, usize) {
    let timeline = Timeline::new(seed, START_MS, is_logged);
    let odds = Odds::draw(&timeline);
    let (ids, origin) = (Arc::<AtomicU64>::default(), Instant::now());
    let true_time = Machine { timeline: timeline.clone(), wrong_by_ms: Arc::default(), ids: ids.clone(), origin };
    let memory = Memory::with_clock(Arc::new(true_time));
    let digest = Credential { digest: "d", kind: CredentialKind::Token, expires_at: UnixMs(i64::MAX) };
    memory.create_guest(ACCOUNT, digest, UnixMs(START_MS)).now_or_never().unwrap().unwrap();
    let schedule = Arc::new(Schedule {
        service: Service::new(timeline.clone(), odds.clone()),
        clocks: Clocks::of(seed),
        ids,
        hosts: Mutex::default(),
        waiting: AtomicU64::new(0),
        models: Models::default(),
        budget: draw_budget(&timeline),
        origin,
        timeline: timeline.clone(),
        odds,
        memory: memory.clone(),
    });
    schedule.begin();
    timeline.run_until(START_MS + END_MS);
    check::all(&memory, &schedule.service, &schedule.budget, timeline.crashes())
}

impl Schedule {
    fn begin(self: &Arc<Self>) {
        let timeline = &self.timeline;
        let worker_count = usize::try_from(timeline.pick(2..5)).unwrap();
        for number in 0..worker_count {
            let wrong_by_ms = if timeline.happens(0.3) { self.clocks.scale(timeline.pick(-40_000..40_000)) } else { 0 };
            let host = Host {
                number,
                wrong_by_ms: Arc::new(AtomicI64::new(wrong_by_ms)),
                disk: Disk::new(timeline.clone(), self.odds.clone(), &format!("w{number}")),
                stop: CancellationToken::new(),
            };
            self.start(&host);
            self.hosts.lock().unwrap().push(host);
        }
        let document_count = if timeline.happens(0.3) { 2 } else { 1 };
        for document in 0..document_count {
            let pages = u32::try_from(timeline.pick(1..4)).unwrap();
            let mode = if timeline.happens(0.85) { Mode::Batch } else { Mode::Realtime };
            self.memory
                .insert_upload(&upload(document, pages), &UNLIMITED, UnixMs(START_MS))
                .now_or_never()
                .unwrap()
                .unwrap();
            for _ in 0..if timeline.happens(0.2) { 2 } else { 1 } {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                let (schedule, after_ms) = (Arc::clone(self), timeline.pick(0..MINUTE_MS));
                timeline.spawn(None, async move { schedule.submit(document, pages, mode, after_ms).await });
            }
        }
        self.plan_failures(worker_count);
    }

    /// Draws which failures happen, to which worker, and when.
    fn plan_failures(self: &Arc<Self>, worker_count: usize) {
        let timeline = &self.timeline;
        let count = [0, 1, 3, 8][usize::try_from(timeline.pick(0..4)).unwrap()];
        for _ in 0..count {
            let victim = usize::try_from(timeline.pick(0..worker_count as i64)).unwrap();
            let kind = timeline.pick(0..100);
            let schedule = Arc::clone(self);
            // Most failures happen in the first minute, while jobs are active.
            let at_ms = if timeline.happens(0.6) { timeline.pick(0..MINUTE_MS) } else { timeline.pick(0..TROUBLED_MS) };
            timeline.later(at_ms, move || schedule.fail(victim, kind));
        }
    }

    /// Makes one failure happen. `kind`, from 0 to 99, selects it.
    fn fail(self: &Arc<Self>, victim: usize, kind: i64) {
        let timeline = &self.timeline;
        match kind {
            0..50 => {
                timeline.log(|| format!("w{victim} is killed"));
                timeline.kill(victim);
                self.restart(victim);
            }
            50..60 => {
                timeline.log(|| format!("w{victim} is stopped"));
                // A stopped worker does not wait for the database, so its claims may not be handed back.
                timeline.crash();
                self.hosts.lock().unwrap()[victim].stop.cancel();
                self.restart(victim);
            }
            60..80 => {
                let ms =
                    if timeline.happens(0.5) { timeline.pick(0..30_000) } else { timeline.pick(0..15 * MINUTE_MS) };
                timeline.log(|| format!("w{victim} stalls for {ms} ms"));
                timeline.freeze(victim, ms);
                // Sometimes the whole machine stalls, and its clock with it.
                if timeline.happens(0.3) {
                    timeline.log(|| format!("the clock of w{victim} stalls as well"));
                    self.hosts.lock().unwrap()[victim].wrong_by_ms.fetch_sub(ms, Ordering::Relaxed);
                }
            }
            80..92 => {
                let by_ms = self.clocks.scale(timeline.pick(-MINUTE_MS..MINUTE_MS));
                timeline.log(|| format!("the clock of w{victim} jumps by {by_ms} ms"));
                self.hosts.lock().unwrap()[victim].wrong_by_ms.fetch_add(by_ms, Ordering::Relaxed);
            }
            92..95 => self.service.cancel_newest(),
            95..98 => {
                let document = self.memory.records().documents.keys().next().cloned();
                timeline.log(|| format!("document {document:?} is deleted"));
                let deleted = document
                    .map(|id| self.memory.delete_document(ACCOUNT, &id, UnixMs(timeline.now_ms())).now_or_never());
                drop(deleted);
            }
            _ => {
                timeline.log(|| "the account is deleted".to_owned());
                self.memory.delete_account(ACCOUNT, UnixMs(timeline.now_ms())).now_or_never().unwrap().unwrap();
            }
        }
    }

    fn restart(self: &Arc<Self>, victim: usize) {
        let schedule = Arc::clone(self);
        self.timeline.later(self.timeline.pick(1..MINUTE_MS), move || {
            let timeline = &schedule.timeline;
            let mut hosts = schedule.hosts.lock().unwrap();
            let host = &mut hosts[victim];
            host.stop = CancellationToken::new();
            if timeline.happens(0.3) {
                host.disk = Disk::new(timeline.clone(), schedule.odds.clone(), host.disk.name());
            }
            timeline.log(|| format!("{} starts", host.disk.name()));
            schedule.start(host);
        });
    }

    fn start(self: &Arc<Self>, host: &Host) {
        let (timeline, odds) = (self.timeline.clone(), self.odds.clone());
        let name = host.disk.name().to_owned();
        let connection = Arc::new(Connection { memory: self.memory.clone(), timeline: timeline.clone(), odds, name });
        let google = Arc::new(Line { service: self.service.clone(), disk: host.disk.clone() });
        let wrong_by_ms = host.wrong_by_ms.clone();
        let machine =
            Arc::new(Machine { timeline: timeline.clone(), wrong_by_ms, ids: self.ids.clone(), origin: self.origin });
        let measured = (self.clocks == Clocks::Database)
            .then(|| Arc::new(DatabaseClock::new(connection.clone(), machine.clone())));
        let clock: Arc<dyn Clock> = match &measured {
            Some(measured) => measured.clone(),
            None => machine.clone(),
        };
        let listings = Listings::new(google.clone(), clock.clone(), &TIMING);
        let reaper = Reaper {
            orphans: connection.clone(),
            google: google.clone(),
            listings: listings.clone(),
            loops: LoopAges::default(),
            clock: clock.clone(),
            timing: TIMING,
            lease: LEASE,
        };
        let worker = Worker {
            name: machine.id().into(),
            clock,
            ids: machine,
            ports: WorkerPorts {
                jobs: connection.clone(),
                polling: connection.clone(),
                uploads: Arc::new(self.memory.clone()),
                attempts: connection.clone(),
                spending: connection,
                figures: Arc::new(self.memory.clone()),
                pages: Arc::new(host.disk.clone()),
                google,
                listings,
                spool: Arc::new(host.disk.clone()),
                changes: CHANGES.clone(),
                bell: Arc::new(Notify::new()),
                isolation: None,
                loops: LoopAges::default(),
            },
            policy: WorkerPolicy {
                fallback_model: None,
                models: self.models.clone(),
                pricing: Pricing::default(),
                budget: self.budget,
                settings: WorkerSettings {
                    timing: TIMING,
                    lease: LEASE,
                    jobs_max: 4,
                    polls_max: 4,
                    realtime_requests_max: 2,
                    stop_timeout: STOP_TIMEOUT,
                },
            },
        };
        let (schedule, stop) = (Arc::clone(self), host.stop.clone());
        let number = host.number;
        timeline.spawn(Some(number), async move {
            if let Some(measured) = &measured {
                // A process that cannot reach its database does not start.
                while measured.measure().await.is_err() {}
            }
            schedule.work(number, worker, reaper, measured, stop).await;
        });
    }

    /// Does what [`Worker::run`] and [`Reaper::run`] do, but without polling: it knows when the next job or resource is due.
    async fn work(
        self: Arc<Self>,
        number: usize,
        worker: Worker,
        reaper: Reaper,
        measured: Option<Arc<DatabaseClock>>,
        stop: CancellationToken,
    ) {
        let poller = Arc::new(Poller::new(worker.clone()));
        self.timeline.spawn(Some(number), Arc::clone(&self).refresh(poller.clone(), stop.clone()));
        while !stop.is_cancelled() {
            if let Some(measured) = measured.clone() {
                self.timeline.spawn(Some(number), async move { drop(measured.measure().await) });
            }
            let is_due = |at: Option<UnixMs>| at.is_some_and(|at| at.0 <= self.timeline.now_ms());
            let mut dues = self.dues();
            for lane in [Lane::Local, Lane::Remote] {
                if !is_due(dues.of(lane)) {
                    continue;
                }
                let max = usize::try_from(self.timeline.pick(1..4)).unwrap();
                for job in worker.claim(lane, max).await.unwrap_or_default() {
                    let (worker, stop) = (worker.clone(), stop.clone());
                    self.timeline.spawn(Some(number), async move { worker.hold(job, stop).await });
                }
                // The claim took time.
                dues = self.dues();
            }
            if is_due(dues.orphan) {
                let reaper = reaper.clone();
                self.timeline.spawn(Some(number), async move { drop(reaper.reap_due().await) });
            }
            while let Some(due) = poller.take_due() {
                let (poller, stop) = (poller.clone(), stop.clone());
                self.timeline.spawn(Some(number), async move { poller.poll(due, stop).await });
            }
            let Some(due_at) = dues.next() else { return };
            let idle_ms_max = match self.timeline.now_ms() > START_MS + CALM_MS {
                _ if dues.is_waiting => 1_000,
                true => 20 * MINUTE_MS,
                false => 20_000,
            };
            let idle_ms = (due_at.0 - self.timeline.now_ms()).clamp(0, idle_ms_max);
            self.timeline.sleep(idle_ms + self.timeline.pick(1..500)).await;
        }
    }

    /// Keeps the part of a worker's poller up to date while jobs wait for their batches.
    async fn refresh(self: Arc<Self>, poller: Arc<Poller>, stop: CancellationToken) {
        let interval_ms = i64::try_from(poller.refresh_interval().as_millis()).unwrap();
        while !stop.is_cancelled() {
            let dues = self.dues();
            let Some(due_at) = dues.next() else { return };
            let mut idle_ms = (due_at.0 - self.timeline.now_ms()).clamp(interval_ms, 20 * MINUTE_MS);
            if dues.is_waiting {
                drop(poller.refresh().await);
                idle_ms = interval_ms;
            }
            self.timeline.sleep(idle_ms).await;
        }
    }

    /// When the next jobs, orphaned resources and submissions are due.
    fn dues(&self) -> Dues {
        let mut dues = Dues::of_records(&self.memory);
        if dues.have_no_job() && self.waiting.load(Ordering::Relaxed) > 0 {
            dues.submission = Some(UnixMs(self.timeline.now_ms() + 1_000));
        }
        dues
    }

    /// Submits a document, and retries until there is an answer.
    async fn submit(self: Arc<Self>, document: u64, pages: u32, mode: Mode, after_ms: i64) {
        let timeline = self.timeline.clone();
        timeline.sleep(after_ms).await;
        let account = Account { id: ACCOUNT.into(), email: None, quota_tokens: Some(QUOTA) };
        let (memory, odds) = (self.memory.clone(), self.odds.clone());
        let connection = Connection { memory, timeline: timeline.clone(), odds, name: "person".into() };
        loop {
            let number = self.ids.fetch_add(1, Ordering::Relaxed);
            let job = new_job(number, document, pages, mode, UnixMs(timeline.now_ms()));
            match connection.accept(&job, 10_000, &account, 0, &UNLIMITED).await {
                Ok(Acceptance::Accepted | Acceptance::Active(_) | Acceptance::OverQuota(_)) => break,
                // The account is deleted, or the upload was deleted with the last document of its content.
                Err(Error::Internal(_) | Error::Refused(_)) => break,
                Err(_) => timeline.sleep(timeline.pick(100..5_000)).await,
            }
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
