//! One story: who works, what is submitted, what goes wrong when, and what must be true in the end.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use coldbrew::accounts::spending::Budget;
use coldbrew::accounts::{Account, Accounts, Credential, CredentialKind};
use coldbrew::changes::Changes;
use coldbrew::clock::IdGenerator;
use coldbrew::documents::Documents;
use coldbrew::error::Error;
use coldbrew::extract::Recipe;
use coldbrew::jobs::machine::{Lane, Timing};
use coldbrew::jobs::{Acceptance, Jobs};
use coldbrew::jobs::{Job, JobIds, Reaper, Stage, Worker, WorkerPolicy, WorkerPorts, WorkerSettings};
use coldbrew::model::wire::Metadata;
use coldbrew::model::{Mode, PageSet, Pricing, UnixMs};
use coldbrew::uploads::{Upload, Uploads};
use coldbrew_gemini::models::Models;
use futures::FutureExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::check;
use super::disk::Disk;
use super::google::{Line, Service};
use super::machine::Machine;
use super::odds::Odds;
use super::record::Connection;
use super::timeline::{START_MS, Timeline};
use crate::support::memory::{Memory, UNLIMITED};

const MINUTE_MS: i64 = 60_000;
/// Everything that goes wrong has gone wrong by then.
pub const TROUBLED_MS: i64 = 15 * MINUTE_MS;
/// A job that is not over by then never will be. It may have to wait for the budgets of several days.
const END_MS: i64 = 40 * 24 * 60 * MINUTE_MS;
/// Nothing begins that late: workers may sleep longer.
const CALM_MS: i64 = 60 * MINUTE_MS;
pub const ACCOUNT: &str = "account";
pub const QUOTA: u64 = 1_000_000;

/// The same course as in earnest, in minutes instead of days; what a lost create's listings take together is not shortened.
const TIMING: Timing = Timing {
    poll_ms: 15_000,
    reconcile_ms: 30_000,
    reconcile_listings: 16,
    retry_ms: 20_000,
    pending_ms_max: 2 * MINUTE_MS,
    odd_ms_max: MINUTE_MS,
    batch_ms_max: 12 * MINUTE_MS,
    unsent_ms_max: 12 * 60 * MINUTE_MS,
    budget_ms: 2 * 60 * MINUTE_MS,
    creates_max: 20,
    fetches_max: 50,
};
const LEASE: Duration = Duration::from_secs(20);

/// Nobody watches them, and to make room for them takes longer than a story.
static CHANGES: LazyLock<Changes> = LazyLock::new(Changes::default);

/// A place where a worker runs: its process may end, its timeline and, maybe, its disk remain.
struct Host {
    number: usize,
    wrong_by_ms: Arc<AtomicI64>,
    disk: Disk,
    stop: CancellationToken,
}

/// When the next job of each lane can be claimed, what one left can be looked at, and somebody may submit another one.
struct Dues {
    work: Option<UnixMs>,
    watch: Option<UnixMs>,
    orphan: Option<UnixMs>,
    submission: Option<UnixMs>,
}

impl Dues {
    const fn of(&self, lane: Lane) -> Option<UnixMs> {
        match lane {
            Lane::Local => self.work,
            Lane::Remote => self.watch,
        }
    }

    /// `None`: there is nothing to do, and there will not be.
    fn next(&self) -> Option<UnixMs> {
        [self.work, self.watch, self.orphan, self.submission].into_iter().flatten().min()
    }
}

/// One story under way.
pub struct Schedule {
    timeline: Timeline,
    odds: Odds,
    memory: Memory,
    service: Service,
    ids: Arc<AtomicU64>,
    hosts: Mutex<Vec<Host>>,
    /// Submitters that have no answer yet.
    waiting: AtomicU64,
    models: Models,
    budget: Budget,
    origin: Instant,
}

/// Half of the stories have a budget that is soon used up: what one document is expected to cost fits into it, and hardly more.
fn draw_budget(timeline: &Timeline) -> Budget {
    let ceiling = [20_000, 60_000, 250_000][usize::try_from(timeline.pick(0..3)).unwrap()];
    let of_guests = timeline.happens(0.5);
    let quota = Budget { quota_tokens: QUOTA, guest_quota_tokens: QUOTA, ..Budget::UNLIMITED };
    match timeline.happens(0.5) {
        true if of_guests => Budget { guests_daily_max: Some(ceiling), ..quota },
        true => Budget { daily_max: Some(ceiling), ..quota },
        false => quota,
    }
}

/// Tells the story of that seed to its end and checks it; panics with what is wrong. Returns how many jobs succeeded and failed.
pub fn run(seed: u64, aloud: bool) -> (usize, usize) {
    let timeline = Timeline::new(seed, START_MS, aloud);
    let odds = Odds::draw(&timeline);
    let memory = Memory::default();
    let digest = Credential { digest: "d", kind: CredentialKind::Token, expires_at: UnixMs(i64::MAX) };
    memory.create_guest(ACCOUNT, digest, UnixMs(START_MS)).now_or_never().unwrap().unwrap();
    let schedule = Arc::new(Schedule {
        service: Service::new(timeline.clone(), odds.clone()),
        ids: Arc::default(),
        hosts: Mutex::default(),
        waiting: AtomicU64::new(0),
        models: Models::default(),
        budget: draw_budget(&timeline),
        origin: Instant::now(),
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
            let wrong_by_ms = if timeline.happens(0.3) { timeline.pick(-40_000..40_000) } else { 0 };
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
        self.plan_troubles(worker_count);
    }

    /// Decides what goes wrong with whom, and when.
    fn plan_troubles(self: &Arc<Self>, worker_count: usize) {
        let timeline = &self.timeline;
        let count = [0, 1, 3, 8][usize::try_from(timeline.pick(0..4)).unwrap()];
        for _ in 0..count {
            let victim = usize::try_from(timeline.pick(0..worker_count as i64)).unwrap();
            let what = timeline.pick(0..100);
            let schedule = Arc::clone(self);
            // Most of what happens happens early.
            let at_ms = if timeline.happens(0.6) { timeline.pick(0..MINUTE_MS) } else { timeline.pick(0..TROUBLED_MS) };
            timeline.later(at_ms, move || schedule.strike(victim, what));
        }
    }

    fn strike(self: &Arc<Self>, victim: usize, what: i64) {
        let timeline = &self.timeline;
        match what {
            0..50 => {
                timeline.say(|| format!("w{victim} is killed"));
                timeline.kill(victim);
                self.restart(victim);
            }
            50..60 => {
                timeline.say(|| format!("w{victim} is told to stop"));
                // It does not wait for a database that is away.
                timeline.crash();
                self.hosts.lock().unwrap()[victim].stop.cancel();
                self.restart(victim);
            }
            60..80 => {
                let ms =
                    if timeline.happens(0.5) { timeline.pick(0..30_000) } else { timeline.pick(0..15 * MINUTE_MS) };
                timeline.say(|| format!("w{victim} stands still for {ms} ms"));
                timeline.freeze(victim, ms);
                // As a machine that was stopped as a whole, and goes on where it was.
                if timeline.happens(0.3) {
                    timeline.say(|| format!("w{victim}'s timeline stands still with it"));
                    self.hosts.lock().unwrap()[victim].wrong_by_ms.fetch_sub(ms, Ordering::Relaxed);
                }
            }
            80..92 => {
                let by_ms = timeline.pick(-MINUTE_MS..MINUTE_MS);
                timeline.say(|| format!("w{victim}'s timeline jumps by {by_ms} ms"));
                self.hosts.lock().unwrap()[victim].wrong_by_ms.fetch_add(by_ms, Ordering::Relaxed);
            }
            92..95 => self.service.meddle(),
            95..98 => {
                let document = self.memory.records().documents.keys().next().cloned();
                timeline.say(|| format!("document {document:?} is deleted"));
                let deleted = document.map(|id| self.memory.delete_document(ACCOUNT, &id).now_or_never());
                drop(deleted);
            }
            _ => {
                timeline.say(|| "the account is deleted".to_owned());
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
            timeline.say(|| format!("{} starts", host.disk.name()));
            schedule.start(host);
        });
    }

    fn start(self: &Arc<Self>, host: &Host) {
        let (timeline, odds) = (self.timeline.clone(), self.odds.clone());
        let name = host.disk.name().to_owned();
        let connection = Arc::new(Connection { memory: self.memory.clone(), timeline: timeline.clone(), odds, name });
        let google = Arc::new(Line { service: self.service.clone(), disk: host.disk.clone() });
        let wrong_by_ms = host.wrong_by_ms.clone();
        let clock =
            Arc::new(Machine { timeline: timeline.clone(), wrong_by_ms, ids: self.ids.clone(), origin: self.origin });
        let reaper = Reaper {
            orphans: connection.clone(),
            google: google.clone(),
            clock: clock.clone(),
            timing: TIMING,
            lease: LEASE,
        };
        let worker = Worker {
            name: clock.id().into(),
            clock: clock.clone(),
            ids: clock,
            ports: WorkerPorts {
                jobs: connection.clone(),
                uploads: Arc::new(self.memory.clone()),
                spending: connection,
                figures: Arc::new(self.memory.clone()),
                pages: Arc::new(host.disk.clone()),
                google,
                spool: Arc::new(host.disk.clone()),
                changes: CHANGES.clone(),
                bell: Arc::new(Notify::new()),
                isolation: None,
            },
            policy: WorkerPolicy {
                models: self.models.clone(),
                pricing: Pricing::default(),
                budget: self.budget,
                settings: WorkerSettings {
                    timing: TIMING,
                    lease: LEASE,
                    jobs_max: 4,
                    polls_max: 4,
                    realtime_requests_max: 2,
                },
            },
        };
        let (schedule, stop) = (Arc::clone(self), host.stop.clone());
        timeline.spawn(Some(host.number), schedule.work(host.number, worker, reaper, stop));
    }

    /// What [`Worker::run`] and [`Reaper::run`] do, except that it need not keep looking: it sees what is due, and when something will be.
    async fn work(self: Arc<Self>, number: usize, worker: Worker, reaper: Reaper, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let is_due = |at: Option<UnixMs>| at.is_some_and(|at| at <= worker.clock.now());
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
                // Meanwhile time has passed.
                dues = self.dues();
            }
            if is_due(dues.orphan) {
                let reaper = reaper.clone();
                self.timeline.spawn(Some(number), async move { drop(reaper.reap_one().await) });
            }
            let Some(due_at) = dues.next() else { return };
            let is_calm = self.timeline.now_ms() > START_MS + CALM_MS;
            let idle_ms_max = if is_calm { 20 * MINUTE_MS } else { 20_000 };
            let idle_ms = (due_at.0 - worker.clock.now().0).clamp(0, idle_ms_max);
            self.timeline.sleep(idle_ms + self.timeline.pick(1..500)).await;
        }
    }

    /// When there is something to do next.
    fn dues(&self) -> Dues {
        let records = self.memory.records();
        let orphan = records.orphans.values().map(|left| left.due_at).min();
        let mut dues = Dues { work: None, watch: None, orphan, submission: None };
        for row in records.jobs.values().filter(|row| row.job.task().is_some()) {
            let due_at = row.job.due_at.max(row.lease_until);
            let of_lane = match row.job.lane() {
                Lane::Local => &mut dues.work,
                Lane::Remote => &mut dues.watch,
            };
            *of_lane = Some(of_lane.map_or(due_at, |other| due_at.min(other)));
        }
        if (dues.work, dues.watch) == (None, None) && self.waiting.load(Ordering::Relaxed) > 0 {
            dues.submission = Some(UnixMs(self.timeline.now_ms() + 1_000));
        }
        dues
    }

    /// Somebody who wants a document, and asks until there is an answer.
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
                // The account is gone, or the upload with the last document of its content.
                Err(Error::Internal(_) | Error::Refused(_)) => break,
                Err(_) => timeline.sleep(timeline.pick(100..5_000)).await,
            }
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

fn upload(document: u64, pages: u32) -> Upload {
    Upload {
        hash: format!("upload{document}"),
        account_id: ACCOUNT.into(),
        content_hash: format!("content{document}"),
        metadata: Metadata {
            content_type: "application/pdf".into(),
            total_pages: pages,
            title: "Book".into(),
            file_name: None,
            file_size: 1,
            url: None,
        },
        kept_bytes: 1,
        page_tokens: vec![1; pages as usize],
    }
}

fn new_job(number: u64, document: u64, pages: u32, mode: Mode, now: UnixMs) -> Job {
    Job {
        title: "Book".into(),
        stage: if mode == Mode::Batch { Stage::Prepare { attempt: 1 } } else { Stage::Realtime { tries: 0 } },
        ..Job::new(
            JobIds {
                id: format!("job{number:04}"),
                account_id: ACCOUNT.into(),
                upload_hash: format!("upload{document}"),
                content_hash: format!("content{document}"),
                document_id: format!("document{number:04}"),
            },
            mode,
            Recipe::named("m/1"),
            PageSet::all(pages),
            now,
        )
    }
}
