//! Combines the worker and the reaper of this process.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Config;
use super::background::Background;
use super::demo::Demo;
use super::isolated::HoldJobProcess;
use super::parts::Parts;
use crate::accounts::spending::is_priced;
use crate::error::Result;
use crate::jobs::{EnginePages, Listings, Reaper, Worker, WorkerPolicy, WorkerPorts, WorkerSettings};

/// The worker and the reaper of this process.
pub(super) struct Working {
    worker: Worker,
    reaper: Reaper,
    /// The emulator, in demo mode.
    demo: Option<Demo>,
}

impl Working {
    /// A worker and a reaper that call Gemini or, in demo mode, an emulator that is started here.
    pub(super) async fn open(parts: &Parts, config: &Config) -> Result<Self> {
        Self::open_at(parts, config, None).await
    }

    /// The same. `emulator`: the base URL of a running emulator, which demo mode uses.
    pub(super) async fn open_at(parts: &Parts, config: &Config, emulator: Option<&str>) -> Result<Self> {
        let demo = match (&config.gemini.api_key, emulator) {
            (None, None) => Some(Demo::start(config, parts.engine.clone()).await?),
            _ => None,
        };
        let emulator = demo.as_ref().map(Demo::base_url).or_else(|| emulator.map(str::to_owned));
        let google = Arc::new(config.gemini.client(emulator)?);
        let listings = Listings::new(google.clone(), parts.time.clock.clone(), &config.worker.timing);
        if let Some(notice) = config.gemini.models.notice(&config.gemini.model, parts.time.clock.today()) {
            tracing::warn!("{notice} Choose another model with GEMINI_MODEL.");
        }
        if !is_priced(&config.gemini.models, &config.gemini.model, parts.time.clock.today()) {
            tracing::warn!(model = config.gemini.model, "price of the model not known: the highest known prices count");
        }
        let worker = Worker {
            name: parts.time.ids.id().into(),
            clock: parts.time.clock.clone(),
            ids: parts.time.ids.clone(),
            ports: WorkerPorts {
                jobs: parts.jobs(),
                polling: Arc::new(parts.store.clone()),
                uploads: Arc::new(parts.store.clone()),
                attempts: Arc::new(parts.store.clone()),
                spending: Arc::new(parts.store.clone()),
                figures: Arc::new(parts.store.clone()),
                pages: Arc::new(EnginePages {
                    engine: parts.engine.clone(),
                    shares: config.shares,
                    accounts: Arc::new(parts.store.clone()),
                    blobs: parts.blobs.clone(),
                    figures: Arc::new(parts.store.clone()),
                    spool: parts.spool.clone(),
                }),
                google: google.clone(),
                listings: listings.clone(),
                spool: Arc::new(parts.spool.clone()),
                bell: parts.bell.clone(),
                changes: parts.changes.clone(),
                isolation: None,
                loops: parts.loops.clone(),
            },
            policy: WorkerPolicy {
                models: config.gemini.models.clone(),
                fallback_model: config.gemini.fallback_model.clone(),
                pricing: config.pricing,
                budget: config.budget,
                settings: config.worker,
            },
        };
        let (orphans, loops, clock) = (Arc::new(parts.store.clone()), parts.loops.clone(), parts.time.clock.clone());
        let WorkerSettings { timing, lease, .. } = config.worker;
        let reaper = Reaper { orphans, google, listings, loops, clock, timing, lease };
        Ok(Self { worker, reaper, demo })
    }

    /// Runs suspected jobs in processes of their own, from the executable `program`.
    pub(super) fn isolate(&mut self, program: PathBuf) {
        let emulator = self.demo.as_ref().map(Demo::base_url);
        self.worker.ports.isolation = Some(Arc::new(HoldJobProcess { program, emulator }));
    }

    /// Adopts a claim and holds its job; see [`Worker::adopt`].
    pub(super) async fn adopt(&self, job_id: &str, fence: i64, stop: CancellationToken) -> Result<()> {
        self.worker.adopt(job_id, fence, stop).await
    }

    /// Starts both, until `stop`. Then the worker hands back its claims.
    pub(super) fn start(self, background: &mut Background, stop: &CancellationToken) {
        let Self { worker, reaper, demo } = self;
        background.spawn("reaper", reaper.run(stop.clone()));
        let working = worker.run(stop.clone());
        background.spawn("worker", async move {
            working.await;
            drop(demo);
        });
    }
}
