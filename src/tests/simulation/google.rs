//! Google, seen from the workers: the emulator's own batches behind calls that are late, lost or doubled.

mod line;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use coldbrew::accounts::spending::Rates;
use coldbrew::jobs::Google;
use coldbrew::model::Mode;
use coldbrew_gemini::jsonl::{LineError, Outcome, ResultLine};
use coldbrew_gemini::models::Models;
use coldbrew_gemini::{Answer, Batch, Error, ErrorKind, File, Quota, Request, Status};
use coldbrew_gemini_emulator::{BatchRow, Fault, Phase, RowCounts, ShowOptions};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::clock::{Clock, Fate, Voyage};
use super::disk::Disk;
use super::odds::Odds;
pub use line::Line;

/// An answered create may be this late, and what it made may be listed so much later. Together that is less than all listings for a
/// lost one take, as it is with the real service.
const CREATE_MS_MAX: i64 = 300_000;
const LISTED_MS_MAX: i64 = 90_000;
const CALL_MS_MAX: i64 = 20_000;
/// What pages without text may be answered with at most.
const OUTPUT_TOKENS_MAX: u64 = 8_192;
/// Of a page that nobody asked for.
const FOREIGN_KEY: &str = "page_77";

/// What Google has.
#[derive(Clone)]
pub struct Service {
    clock: Clock,
    odds: Odds,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Input>,
    batches: Vec<Made>,
    named: u64,
    /// Micro-dollars for pages that were answered at once.
    billed: u64,
}

/// An uploaded file.
struct Input {
    display_name: String,
    keys: Vec<String>,
}

/// A batch, and what the simulation knows of it.
pub struct Made {
    pub row: BatchRow,
    pub job: String,
    /// Google made two of one create.
    pub doubled: bool,
    /// When listings begin to show it.
    listed_ms: i64,
    /// While Google has lost sight of it, and denies it to everybody: for longer than anybody could have reckoned with.
    lost_sight_ms: Range<i64>,
    lines: Vec<ResultLine>,
    /// What its answers cost, in micro-dollars.
    cost: u64,
}

impl Made {
    /// What Google bills for it: all answers of one that finished, and those of one that was stopped while it ran, however far it was.
    /// One that was in line until it was stopped has no answers.
    fn billed(&self, now: Timestamp) -> u64 {
        let begun = self.row.created.as_millisecond() + self.row.pending_ms;
        let is_in_line = self.row.has(Fault::StuckPending) || self.row.has(Fault::NeverRunning);
        let ran = !is_in_line && self.row.cancelled.is_some_and(|at| at.as_millisecond() > begun);
        if ran || self.row.phase(now) == Phase::Succeeded { self.cost } else { 0 }
    }

    /// Whether Google loses sight of it: another one may be made beside it then, for nobody can know.
    pub fn is_lost_sight_of(&self) -> bool {
        !self.lost_sight_ms.is_empty()
    }

    /// Which attempt of its job it was made for.
    pub fn attempt(&self) -> u32 {
        self.row.display_name.as_deref().unwrap().rsplit_once('-').unwrap().1.parse().unwrap()
    }

    /// Whether Google has it in view.
    fn is_seen(&self, now_ms: i64) -> bool {
        !self.lost_sight_ms.contains(&now_ms)
    }

    /// Whether a page of it can be read.
    pub fn is_usable(&self) -> bool {
        let read = |line: &ResultLine| matches!(&line.outcome, Outcome::Response(answer) if answer.finish_reason.as_deref() == Some("STOP"));
        self.lines.iter().any(|line| line.key.as_deref().is_some_and(|key| key != FOREIGN_KEY) && read(line))
    }
}

/// At the highest known prices: the model that is asked is in no table.
fn cost_of(answer: &Answer, mode: Mode) -> u64 {
    Rates::new(&Models::default(), "m", mode, date(2027, 1, 16)).spent(answer, 0).micro_dollars
}

fn time(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

impl Service {
    pub fn new(clock: Clock, odds: Odds) -> Self {
        Self { clock, odds, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn now(&self) -> Timestamp {
        time(self.clock.now_ms())
    }

    /// Looks all batches over, as they are now.
    pub fn for_each(&self, mut see: impl FnMut(&Made, Phase)) {
        let now = self.now();
        self.state().batches.iter().for_each(|made| see(made, made.row.phase(now)));
    }

    fn name(&self, state: &mut State) -> String {
        state.named += 1;
        format!("n{}", state.named)
    }

    fn upload(&self, display_name: String, keys: Vec<String>) -> String {
        let mut state = self.state();
        let name = format!("files/{}", self.name(&mut state));
        state.files.insert(name.clone(), Input { display_name, keys });
        name
    }

    fn find_files(&self, beginning: &str) -> Vec<File> {
        let state = self.state();
        let found = state.files.iter().filter(|(_, input)| input.display_name.starts_with(beginning));
        found.map(|(name, input)| File::from_json(json!({"name": name, "displayName": input.display_name}))).collect()
    }

    /// Makes a batch; says if the same job has one already that may still be paid.
    fn create(&self, display_name: &str, input_file: &str, doubled: bool) -> Result<String, ErrorKind> {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        let keys = state.files.get(input_file).map(|input| input.keys.clone()).ok_or(ErrorKind::NotFound)?;
        let job = display_name.trim_start_matches("coldbrew-").rsplit_once('-').unwrap().0.to_owned();
        let counts = |made: &&Made| made.job == job && !made.doubled && !made.is_lost_sight_of();
        let live = |made: &&Made| counts(made) && !made.row.is_over(time(now_ms));
        if let (false, Some(live)) = (doubled, state.batches.iter().find(live)) {
            panic!("{job} has two live batches at a time: {:?} and {display_name}", live.row.display_name);
        }
        let id = self.name(&mut state);
        let lost_sight_ms = self.lose_sight(now_ms);
        let mut row = self.draw(&id, display_name, input_file, now_ms);
        if !lost_sight_ms.is_empty() && self.clock.happens(0.5) {
            row.faults.push(Fault::StuckPending);
        }
        let (lines, cost) = self.answers(&keys);
        let lines = if row.has(Fault::OutputEmpty) { Vec::new() } else { lines };
        let listed_ms = now_ms + if self.clock.happens(0.3) { self.clock.pick(0..LISTED_MS_MAX) } else { 0 };
        self.clock.say(|| format!("google: {display_name} is batch {id} {:?}", row.faults));
        state.batches.push(Made { row, job, doubled, listed_ms, lost_sight_ms, lines, cost });
        Ok(format!("batches/{id}"))
    }

    /// Decides whether Google loses sight of a batch: from the beginning, so that a lost create's listings end in vain, or when it has
    /// waited for long enough to be withdrawn.
    fn lose_sight(&self, now_ms: i64) -> Range<i64> {
        if !self.clock.happens(0.05 * self.odds.oddity) {
            return now_ms..now_ms;
        }
        let (from_ms, for_ms) = match self.clock.happens(0.5) {
            true => (now_ms, self.clock.pick(400_000..500_000)),
            false => (now_ms + self.clock.pick(100_000..200_000), self.clock.pick(250_000..400_000)),
        };
        from_ms..from_ms + for_ms
    }

    /// Decides what becomes of a batch.
    fn draw(&self, id: &str, display_name: &str, input_file: &str, now_ms: i64) -> BatchRow {
        let mut row = BatchRow {
            id: id.to_owned(),
            project: "p".to_owned(),
            model: "m".to_owned(),
            display_name: Some(display_name.to_owned()),
            input_file: Some(input_file.to_owned()),
            created: time(now_ms),
            pending_ms: self.clock.pick(0..40_000),
            running_ms: self.clock.pick(0..60_000),
            requests: 1,
            tokens: 1,
            written: Some(RowCounts::default()),
            cancelled: None,
            faults: Vec::new(),
        };
        for (fault, likelihood) in [
            (Fault::StuckPending, 0.08),
            (Fault::NeverRunning, 0.05),
            (Fault::BatchFails, 0.04),
            (Fault::CancelIgnored, 0.05),
            (Fault::OutputEmpty, 0.02),
        ] {
            if self.clock.happens(likelihood * self.odds.oddity) {
                row.faults.push(fault);
            }
        }
        if self.clock.happens(0.03 * self.odds.oddity) {
            // One that Google gives up soon: as if it had run for two days.
            row.created = time(now_ms).saturating_sub(SignedDuration::from_mins(48 * 60 - 3)).unwrap();
            (row.pending_ms, row.running_ms) = (0, i64::MAX / 2);
        }
        row
    }

    /// The lines that a batch hands over, and what they cost.
    fn answers(&self, keys: &[String]) -> (Vec<ResultLine>, u64) {
        let (mut lines, mut cost) = (Vec::new(), 0);
        for (number, key) in (1..).zip(keys) {
            let odd = |likelihood: f64| self.clock.happens(likelihood * self.odds.oddity);
            if odd(0.05) {
                continue;
            }
            let outcome = match () {
                () if odd(0.06) => {
                    Outcome::Error(Status::from_json(&json!({"code": 13, "message": "Internal error."})))
                }
                () if odd(0.03) => Outcome::Unrecognised(LineError::NoResult),
                () => {
                    let answer = self.answer();
                    cost += cost_of(&answer, Mode::Batch);
                    Outcome::Response(Box::new(answer))
                }
            };
            let line = ResultLine { number, key: (!odd(0.03)).then(|| key.clone()), outcome };
            lines.extend(odd(0.05).then(|| line.clone()));
            lines.push(line);
        }
        if self.clock.happens(0.3) {
            lines.reverse();
        }
        if self.clock.happens(0.05 * self.odds.oddity) {
            let outcome = Outcome::Response(Box::new(self.answer()));
            lines.push(ResultLine { number: 99, key: Some(FOREIGN_KEY.into()), outcome });
        }
        (lines, cost)
    }

    /// One page, read at once.
    fn answer_now(&self) -> Answer {
        let answer = self.answer();
        self.state().billed += cost_of(&answer, Mode::Realtime);
        answer
    }

    /// What Google bills in all, in micro-dollars. A second batch of one create is left out: its job cannot know of it.
    pub fn billed(&self) -> u64 {
        let (now, state) = (self.now(), self.state());
        let batches = state.batches.iter().filter(|made| !made.doubled);
        state.billed + batches.map(|made| made.billed(now)).sum::<u64>()
    }

    fn answer(&self) -> Answer {
        let mut answer = Answer { text: "Text.".into(), finish_reason: Some("STOP".into()), ..Answer::default() };
        answer.usage.prompt_tokens = u64::try_from(self.clock.pick(1..1_000)).unwrap();
        answer.usage.candidates_tokens = u64::try_from(self.clock.pick(0..1_000)).unwrap();
        if self.clock.happens(0.04 * self.odds.oddity) {
            answer.finish_reason = Some("SAFETY".into());
        }
        // It rambles until it is cut off.
        if self.clock.happens(0.1 * self.odds.oddity) {
            answer.usage.candidates_tokens = OUTPUT_TOKENS_MAX;
        }
        answer
    }

    fn show(&self, made: &Made) -> Batch {
        let now = self.now();
        let named = made.row.phase(now) == Phase::Succeeded && !self.clock.happens(0.05 * self.odds.oddity);
        let output = named.then(|| json!({"responsesFile": format!("files/batch-{}", made.row.id)}));
        Batch::from_json(made.row.show(now, output, ShowOptions::default()))
    }

    fn find(&self, display_name: &str, input_file: &str) -> Vec<Batch> {
        let (state, now_ms) = (self.state(), self.clock.now_ms());
        let named = |made: &&Made| {
            made.row.display_name.as_deref() == Some(display_name) || made.row.input_file.as_deref() == Some(input_file)
        };
        let listed = |made: &&Made| named(made) && made.listed_ms <= now_ms && made.is_seen(now_ms);
        state.batches.iter().rev().filter(listed).map(|made| self.show(made)).collect()
    }

    fn look(&self, name: &str) -> Result<Batch, ErrorKind> {
        let (state, now_ms) = (self.state(), self.clock.now_ms());
        let named = |made: &&Made| name.strip_prefix("batches/") == Some(&made.row.id);
        let made = state.batches.iter().find(|made| named(made) && made.is_seen(now_ms));
        made.map(|made| self.show(made)).ok_or(ErrorKind::NotFound)
    }

    /// Cancels, also for somebody who is none of us.
    pub fn cancel(&self, name: &str) -> Result<(), ErrorKind> {
        let (mut state, now) = (self.state(), self.now());
        let named = |made: &&mut Made| name.strip_prefix("batches/") == Some(&made.row.id);
        let made = state.batches.iter_mut().find(|made| named(made) && made.is_seen(self.clock.now_ms()));
        let made = made.ok_or(ErrorKind::NotFound)?;
        if !made.row.is_over(now) {
            self.clock.say(|| format!("google: batch {} is cancelled", made.row.id));
            made.row.cancelled = Some(now);
        }
        Ok(())
    }

    /// Somebody at the console cancels what is newest.
    pub fn meddle(&self) {
        let newest = self.state().batches.last().map(|made| format!("batches/{}", made.row.id));
        newest.map(|name| self.cancel(&name));
    }

    fn lines(&self, file: &str) -> Result<Vec<ResultLine>, ErrorKind> {
        let state = self.state();
        let made = state.batches.iter().find(|made| file.strip_prefix("files/batch-") == Some(&made.row.id));
        let made = made.filter(|made| made.row.phase(self.now()) == Phase::Succeeded);
        made.map(|made| made.lines.clone()).ok_or(ErrorKind::NotFound)
    }
}
