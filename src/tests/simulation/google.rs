//! The simulated Google: batches of the emulator, behind calls that are late, lost or doubled.

mod line;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use coldbrew::accounts::spending::Rates;
use coldbrew::jobs::Google;
use coldbrew::model::{Mode, UnixMs};
use coldbrew_gemini::jsonl::{LineError, Outcome, ResultLine};
use coldbrew_gemini::models::Models;
use coldbrew_gemini::{Answer, Batch, Error, ErrorKind, File, Quota, Request, ServiceTier, Status};
use coldbrew_gemini_emulator::{BatchRow, Fault, Phase, RowCounts, ShowOptions};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::disk::Disk;
use super::odds::Odds;
use super::timeline::{Delivery, Fate, Timeline};
pub use line::Line;

/// The longest time of a create. It and [`LISTED_MS_MAX`] together are shorter than all listings for a lost create, as with the real
/// Google.
const CREATE_MS_MAX: i64 = 300_000;
/// The longest time until listings show a batch.
const LISTED_MS_MAX: i64 = 90_000;
const CALL_MS_MAX: i64 = 20_000;
/// The most output tokens of a page without text.
const OUTPUT_TOKENS_MAX: u64 = 8_192;
/// The key of a page that was not requested.
const FOREIGN_KEY: &str = "page_77";

/// The simulated Google: its files and batches. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    timeline: Timeline,
    odds: Odds,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Input>,
    batches: Vec<Made>,
    /// How many names were given.
    named: u64,
    /// Micro-dollars for pages that were read by calls of their own.
    billed: u64,
}

/// An uploaded file.
struct Input {
    display_name: String,
    keys: Vec<String>,
}

/// A batch, with what only the simulation knows of it.
pub struct Made {
    pub row: BatchRow,
    pub job: String,
    /// Whether it is the second batch of one create.
    pub doubled: bool,
    made_ms: i64,
    /// When listings begin to show it.
    listed_ms: i64,
    /// While Google hides it: calls deny it, and listings lack it. This lasts longer than any job could wait.
    hidden_ms: Range<i64>,
    /// The keys of its input file.
    pub keys: Vec<String>,
    lines: Vec<ResultLine>,
    /// The cost of its answers, in micro-dollars.
    cost: u64,
}

impl Made {
    /// What Google bills for it, in micro-dollars: all answers if it succeeded or was cancelled while it ran, and nothing if it was
    /// cancelled before it started.
    fn billed(&self, now: Timestamp) -> u64 {
        let begun = self.row.created.as_millisecond() + self.row.pending_ms;
        let never_starts = self.row.has(Fault::StuckPending) || self.row.has(Fault::NeverRunning);
        let ran = !never_starts && self.row.cancelled.is_some_and(|at| at.as_millisecond() > begun);
        if ran || self.row.phase(now) == Phase::Succeeded { self.cost } else { 0 }
    }

    /// Whether Google hides it for a time. Its job may make another batch then, because it cannot know of this one.
    pub fn is_ever_hidden(&self) -> bool {
        !self.hidden_ms.is_empty()
    }

    /// The number of the attempt that made it.
    pub fn attempt(&self) -> u32 {
        self.row.display_name.as_deref().unwrap().rsplit_once('-').unwrap().1.parse().unwrap()
    }

    /// Whether calls and listings show it at this time.
    fn is_visible(&self, now_ms: i64) -> bool {
        self.row.deleted.is_none() && !self.hidden_ms.contains(&now_ms)
    }

    /// Whether a page of it can be read.
    pub fn is_usable(&self) -> bool {
        let read = |line: &ResultLine| matches!(&line.outcome, Outcome::Response(answer) if answer.finish_reason.as_deref() == Some("STOP"));
        self.lines.iter().any(|line| line.key.as_deref().is_some_and(|key| key != FOREIGN_KEY) && read(line))
    }
}

/// The cost of an answer, in micro-dollars. The highest known prices count, because no table has the model of the simulation.
fn cost_of(answer: &Answer, mode: Mode) -> u64 {
    Rates::new(&Models::default(), "m", mode, date(2027, 1, 16)).spent(answer, 0).micro_dollars
}

fn time(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

impl Service {
    pub fn new(timeline: Timeline, odds: Odds) -> Self {
        Self { timeline, odds, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn now(&self) -> Timestamp {
        time(self.timeline.now_ms())
    }

    /// Calls `see` for every batch, with its present phase.
    pub fn for_each(&self, mut see: impl FnMut(&Made, Phase)) {
        let now = self.now();
        self.state().batches.iter().for_each(|made| see(made, made.row.phase(now)));
    }

    fn name(&self, state: &mut State) -> String {
        state.named += 1;
        format!("n{}", state.named)
    }

    fn upload(&self, display_name: String, keys: Vec<String>) -> File {
        let mut state = self.state();
        let name = format!("files/{}", self.name(&mut state));
        let file = json!({"name": name, "displayName": display_name, "createTime": self.now().to_string()});
        state.files.insert(name, Input { display_name, keys });
        File::from_json(file)
    }

    fn find_files(&self, prefix: &str) -> Vec<File> {
        let state = self.state();
        let found = state.files.iter().filter(|(_, input)| input.display_name.starts_with(prefix));
        found.map(|(name, input)| File::from_json(json!({"name": name, "displayName": input.display_name}))).collect()
    }

    /// Makes a batch. Panics if the job has a live batch that it could know of.
    fn create(&self, display_name: &str, input_file: &str, doubled: bool) -> Result<String, ErrorKind> {
        let now_ms = self.timeline.now_ms();
        let mut state = self.state();
        let keys = state.files.get(input_file).map(|input| input.keys.clone()).ok_or(ErrorKind::NotFound)?;
        let job = display_name.trim_start_matches("coldbrew-").rsplit_once('-').unwrap().0.to_owned();
        let counts = |made: &&Made| made.job == job && !made.doubled && !made.is_ever_hidden();
        let live = |made: &&Made| counts(made) && !made.row.is_over(time(now_ms));
        if let (false, Some(live)) = (doubled, state.batches.iter().find(live)) {
            panic!("{job} has two live batches at a time: {:?} and {display_name}", live.row.display_name);
        }
        let id = self.name(&mut state);
        let hidden_ms = self.draw_hidden(now_ms);
        let mut row = self.draw(&id, display_name, input_file, now_ms);
        if !hidden_ms.is_empty() && self.timeline.happens(0.5) {
            row.faults.push(Fault::StuckPending);
        }
        let (lines, cost) = self.answers(&keys);
        let lines = if row.has(Fault::OutputEmpty) { Vec::new() } else { lines };
        let listed_ms = now_ms + if self.timeline.happens(0.3) { self.timeline.pick(0..LISTED_MS_MAX) } else { 0 };
        self.timeline.log(|| format!("google: {display_name} is batch {id} {:?}", row.faults));
        state.batches.push(Made { row, job, doubled, made_ms: now_ms, listed_ms, hidden_ms, keys, lines, cost });
        Ok(format!("batches/{id}"))
    }

    /// Draws when Google hides a batch, if it does. It begins at once, so that listings for a lost create do not show the batch, or when
    /// the batch has been pending long enough to be cancelled.
    fn draw_hidden(&self, now_ms: i64) -> Range<i64> {
        if !self.timeline.happens(0.05 * self.odds.oddity) {
            return now_ms..now_ms;
        }
        let (from_ms, for_ms) = match self.timeline.happens(0.5) {
            true => (now_ms, self.timeline.pick(400_000..500_000)),
            false => (now_ms + self.timeline.pick(100_000..200_000), self.timeline.pick(250_000..400_000)),
        };
        from_ms..from_ms + for_ms
    }

    /// Draws the course and the faults of a batch.
    fn draw(&self, id: &str, display_name: &str, input_file: &str, now_ms: i64) -> BatchRow {
        let mut row = BatchRow {
            id: id.to_owned(),
            project: "p".to_owned(),
            model: "m".to_owned(),
            display_name: Some(display_name.to_owned()),
            input_file: Some(input_file.to_owned()),
            created: time(now_ms),
            pending_ms: self.timeline.pick(0..40_000),
            running_ms: self.timeline.pick(0..60_000),
            requests: 1,
            tokens: 1,
            written: Some(RowCounts::default()),
            cancelled: None,
            deleted: None,
            faults: Vec::new(),
        };
        for (fault, likelihood) in [
            (Fault::StuckPending, 0.08),
            (Fault::NeverRunning, 0.05),
            (Fault::BatchFails, 0.04),
            (Fault::CancelIgnored, 0.05),
            (Fault::OutputEmpty, 0.02),
        ] {
            if self.timeline.happens(likelihood * self.odds.oddity) {
                row.faults.push(fault);
            }
        }
        if self.timeline.happens(0.03 * self.odds.oddity) {
            // Google expires it soon: it counts as having run for almost two days.
            row.created = time(now_ms).saturating_sub(SignedDuration::from_mins(48 * 60 - 3)).unwrap();
            (row.pending_ms, row.running_ms) = (0, i64::MAX / 2);
        }
        row
    }

    /// Draws the result lines of a batch, and their cost.
    fn answers(&self, keys: &[String]) -> (Vec<ResultLine>, u64) {
        let (mut lines, mut cost) = (Vec::new(), 0);
        for (number, key) in (1..).zip(keys) {
            let odd = |likelihood: f64| self.timeline.happens(likelihood * self.odds.oddity);
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
        if self.timeline.happens(0.3) {
            lines.reverse();
        }
        if self.timeline.happens(0.05 * self.odds.oddity) {
            let outcome = Outcome::Response(Box::new(self.answer()));
            lines.push(ResultLine { number: 99, key: Some(FOREIGN_KEY.into()), outcome });
        }
        (lines, cost)
    }

    /// The answer for a page that a call of its own asks for. It is billed: through flex at the price of a batch.
    fn answer_now(&self, tier: ServiceTier) -> Answer {
        let answer = self.answer();
        let mode = if tier == ServiceTier::Flex { Mode::Batch } else { Mode::Realtime };
        self.state().billed += cost_of(&answer, mode);
        answer
    }

    /// What Google bills in all, in micro-dollars. The second batch of a create is left out: its job cannot know of it.
    pub fn billed(&self) -> u64 {
        let (now, state) = (self.now(), self.state());
        let batches = state.batches.iter().filter(|made| !made.doubled);
        state.billed + batches.map(|made| made.billed(now)).sum::<u64>()
    }

    fn answer(&self) -> Answer {
        let mut answer = Answer { text: "Text.".into(), finish_reason: Some("STOP".into()), ..Answer::default() };
        answer.usage.prompt_tokens = u64::try_from(self.timeline.pick(1..1_000)).unwrap();
        answer.usage.candidates_tokens = u64::try_from(self.timeline.pick(0..1_000)).unwrap();
        if self.timeline.happens(0.04 * self.odds.oddity) {
            answer.finish_reason = Some("SAFETY".into());
        }
        // The answer reaches the output limit.
        if self.timeline.happens(0.1 * self.odds.oddity) {
            answer.usage.candidates_tokens = OUTPUT_TOKENS_MAX;
        }
        answer
    }

    fn show(&self, made: &Made) -> Batch {
        let now = self.now();
        let named = made.row.phase(now) == Phase::Succeeded && !self.timeline.happens(0.05 * self.odds.oddity);
        let output = named.then(|| json!({"responsesFile": format!("files/batch-{}", made.row.id)}));
        Batch::from_json(made.row.show(now, output, ShowOptions::default()))
    }

    /// The batches of a listing. It has no batch that was made before `since`.
    fn list(&self, since: Option<UnixMs>) -> Vec<Batch> {
        let (state, now_ms) = (self.state(), self.timeline.now_ms());
        let listed = |made: &&Made| {
            since.is_none_or(|since| made.made_ms >= since.0) && made.listed_ms <= now_ms && made.is_visible(now_ms)
        };
        state.batches.iter().rev().filter(listed).map(|made| self.show(made)).collect()
    }

    fn get_batch(&self, name: &str) -> Result<Batch, ErrorKind> {
        let (state, now_ms) = (self.state(), self.timeline.now_ms());
        let named = |made: &&Made| name.strip_prefix("batches/") == Some(&made.row.id);
        let made = state.batches.iter().find(|made| named(made) && made.is_visible(now_ms));
        made.map(|made| self.show(made)).ok_or(ErrorKind::NotFound)
    }

    /// Cancels a batch.
    pub fn cancel(&self, name: &str) -> Result<(), ErrorKind> {
        let (mut state, now) = (self.state(), self.now());
        let named = |made: &&mut Made| name.strip_prefix("batches/") == Some(&made.row.id);
        let made = state.batches.iter_mut().find(|made| named(made) && made.is_visible(self.timeline.now_ms()));
        let made = made.ok_or(ErrorKind::NotFound)?;
        if !made.row.is_over(now) {
            self.timeline.log(|| format!("google: batch {} is cancelled", made.row.id));
            made.row.cancelled = Some(now);
        }
        Ok(())
    }

    /// Deletes a batch. Panics if it is live.
    fn delete_batch(&self, name: &str) {
        let (mut state, now) = (self.state(), self.now());
        let named = |made: &&mut Made| name.strip_prefix("batches/") == Some(&made.row.id);
        if let Some(made) = state.batches.iter_mut().find(named) {
            assert!(made.row.is_over(now), "the live batch {name} was deleted");
            made.row.deleted = Some(now);
        }
    }

    /// Cancels the newest batch, as a person with the key can.
    pub fn cancel_newest(&self) {
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
