//! The runtime of a schedule: simulated time that passes only when no task is ready, random numbers from a seed, and remote calls.
//!
//! It has one thread and one order of events, so the same seed gives the same schedule, to the millisecond.

use std::collections::{BinaryHeap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};

use futures::channel::oneshot;
use futures::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The worker process that a task belongs to; `None`: to no process.
pub type Owner = Option<usize>;

/// The runtime of one schedule. Cheap to clone.
#[derive(Clone)]
pub struct Timeline(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Indices of ready tasks. It has a lock of its own, because a task may be woken while `state` is locked.
    ready: Arc<Mutex<VecDeque<usize>>>,
    is_logged: bool,
}

struct State {
    now_ms: i64,
    events: u64,
    queue: BinaryHeap<Entry>,
    tasks: Vec<Task>,
    random: StdRng,
    crashes: u32,
}

struct Task {
    owner: Owner,
    future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    waker: Waker,
    frozen_until_ms: i64,
}

struct Entry {
    at_ms: i64,
    number: u64,
    event: Event,
}

enum Event {
    Wake(Waker),
    Do(Box<dyn FnOnce() + Send>),
}

impl Ord for Entry {
    /// The earliest entry is the greatest, because the heap returns the greatest first.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at_ms, other.number).cmp(&(self.at_ms, self.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

/// How a remote call is delivered.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// How long the request takes.
    pub request_ms: i64,
    /// How long the answer takes.
    pub answer_ms: i64,
    pub fate: Fate,
    /// After this time without an answer, the caller gives up.
    pub timeout_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Arrives,
    /// The call has no effect and no answer.
    RequestLost,
    /// The call has its effect and no answer.
    AnswerLost,
    /// The call has its effect twice.
    Doubled,
}

impl Timeline {
    /// `is_logged`: prints what happens.
    pub fn new(seed: u64, start_ms: i64, is_logged: bool) -> Self {
        let state = State {
            now_ms: start_ms,
            events: 0,
            queue: BinaryHeap::new(),
            tasks: Vec::new(),
            random: StdRng::seed_from_u64(seed),
            crashes: 0,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), ready: Arc::default(), is_logged }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    /// The true time. The clock of a machine may differ from it.
    pub fn now_ms(&self) -> i64 {
        self.state().now_ms
    }

    /// A random number in the range.
    pub fn pick(&self, range: std::ops::Range<i64>) -> i64 {
        self.state().random.random_range(range)
    }

    /// Whether something of that likelihood happens.
    pub fn happens(&self, likelihood: f64) -> bool {
        likelihood > 0.0 && self.state().random.random_bool(likelihood)
    }

    /// Counts a crash of a worker, or what looks like one to others.
    pub fn crash(&self) {
        self.state().crashes += 1;
    }

    /// The number of crashes, real or apparent.
    pub fn crashes(&self) -> u32 {
        self.state().crashes
    }

    /// Prints what happens, if one schedule is repeated.
    pub fn log(&self, message: impl FnOnce() -> String) {
        if self.0.is_logged {
            println!("{:>10} ms  {}", self.now_ms() - START_MS, message());
        }
    }

    fn enqueue(&self, after_ms: i64, event: Event) {
        let mut state = self.state();
        state.events += 1;
        let (at_ms, number) = (state.now_ms + after_ms.max(0), state.events);
        state.queue.push(Entry { at_ms, number, event });
    }

    /// Calls `act` after this time, whichever processes run by then.
    pub fn later(&self, after_ms: i64, act: impl FnOnce() + Send + 'static) {
        self.enqueue(after_ms, Event::Do(Box::new(act)));
    }

    pub fn sleep(&self, ms: i64) -> BoxFuture<'static, ()> {
        Box::pin(Sleep { timeline: self.clone(), until_ms: self.now_ms() + ms.max(1), waker: None })
    }

    /// A remote call with an effect. `None`: no answer came.
    pub async fn call<T: Send + 'static>(
        &self,
        delivery: Delivery,
        effect: impl Fn() -> T + Send + 'static,
    ) -> Option<T> {
        let Delivery { request_ms, answer_ms, fate, timeout_ms } = delivery;
        let (answer, answered) = oneshot::channel();
        let timeline = self.clone();
        match fate {
            Fate::RequestLost => self.later(timeout_ms, move || drop(answer)),
            fate => self.later(request_ms, move || {
                let result = effect();
                match fate {
                    Fate::AnswerLost => timeline.later(timeout_ms - request_ms, move || drop(answer)),
                    _ => timeline.later(answer_ms, move || drop(answer.send(result))),
                }
                if fate == Fate::Doubled {
                    timeline.later(answer_ms * 2, move || drop(effect()));
                }
            }),
        }
        answered.await.ok()
    }

    /// Starts a task, which ends at the latest when its owner is killed.
    pub fn spawn(&self, owner: Owner, future: impl Future<Output = ()> + Send + 'static) {
        let mut state = self.state();
        let index = state.tasks.len();
        let waker = Waker::from(Arc::new(Ready { task: index, ready: self.0.ready.clone() }));
        waker.wake_by_ref();
        state.tasks.push(Task { owner, future: Some(Box::pin(future)), waker, frozen_until_ms: 0 });
    }

    /// Kills a process: its tasks end wherever they are. Requests that it has sent still arrive.
    pub fn kill(&self, owner: usize) {
        self.crash();
        let mut state = self.state();
        let tasks = state.tasks.iter_mut().filter(|task| task.owner == Some(owner));
        let dead: Vec<_> = tasks.filter_map(|task| task.future.take()).collect();
        drop(state);
        // Dropped without the lock, because dropping a task may wake others.
        drop(dead);
    }

    /// Stops a process for a while without its knowledge, as closing the lid of a laptop does.
    pub fn freeze(&self, owner: usize, ms: i64) {
        self.crash();
        let mut state = self.state();
        let until_ms = state.now_ms + ms;
        for task in state.tasks.iter_mut().filter(|task| task.owner == Some(owner)) {
            task.frozen_until_ms = until_ms;
        }
    }

    /// Runs until `end_ms`, or until no event is left.
    pub fn run_until(&self, end_ms: i64) {
        loop {
            self.run_ready();
            let mut state = self.state();
            match state.queue.peek() {
                Some(entry) if entry.at_ms <= end_ms => {}
                _ => return,
            }
            let Some(Entry { at_ms, event, .. }) = state.queue.pop() else { return };
            state.now_ms = at_ms;
            drop(state);
            match event {
                Event::Wake(waker) => waker.wake(),
                Event::Do(act) => act(),
            }
        }
    }

    fn run_ready(&self) {
        loop {
            let Some(index) = self.0.ready.lock().unwrap().pop_front() else { return };
            let mut state = self.state();
            let (now_ms, task) = (state.now_ms, &mut state.tasks[index]);
            let waker = task.waker.clone();
            if task.frozen_until_ms > now_ms {
                let after_ms = task.frozen_until_ms - now_ms;
                drop(state);
                self.enqueue(after_ms, Event::Wake(waker));
                continue;
            }
            let Some(mut future) = task.future.take() else { continue };
            drop(state);
            if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                self.state().tasks[index].future = Some(future);
            }
        }
    }
}

/// When every schedule begins: ten minutes before midnight UTC, so that a new day's budget begins while failures happen.
pub const START_MS: i64 = 1_800_057_000_000;

struct Ready {
    task: usize,
    ready: Arc<Mutex<VecDeque<usize>>>,
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        let mut ready = self.ready.lock().unwrap();
        if !ready.contains(&self.task) {
            ready.push_back(self.task);
        }
    }
}

struct Sleep {
    timeline: Timeline,
    until_ms: i64,
    waker: Option<Waker>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let left_ms = self.until_ms - self.timeline.now_ms();
        if left_ms <= 0 {
            return Poll::Ready(());
        }
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            self.waker = Some(context.waker().clone());
            self.timeline.enqueue(left_ms, Event::Wake(context.waker().clone()));
        }
        Poll::Pending
    }
}
