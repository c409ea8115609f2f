//! Runs `coldbrew doctor` on the configuration.

use std::sync::Arc;

use super::{Config, engine};
use crate::api::Readiness;
use crate::changes::Changes;
use crate::clock::{IdGenerator, RandomIds};
use crate::error::Result;
use crate::metrics::LoopAges;
use crate::operations::doctor::{Diagnosis, Doctor};

use super::parts::SharedTime;
use super::readiness::Dependencies;
use super::tracked::Tracked;

/// Examines everything that this configuration names. Nothing that it starts outlives the call.
///
/// # Errors
/// The database or the store of files cannot be opened or read.
pub async fn examine(config: &Config) -> Result<Vec<Diagnosis>> {
    let store = config.storage.store().await?;
    let time = SharedTime::of(&store).await?;
    let (changes, loops) = (Changes::default(), LoopAges::default());
    let tracked = Tracked::open(config, &store, &changes, &Arc::default(), &loops, RandomIds.id())?;
    let blobs = config.storage.blobs().await?;
    let dependencies = Dependencies {
        store: store.clone(),
        tracked,
        engine: engine(config)?,
        blobs: blobs.clone(),
        incoming: config.storage.incoming(config.incoming),
        data_dir: config.storage.data_dir.clone(),
    };
    let found = dependencies.check().await;
    let doctor = Doctor {
        audit: Arc::new(store.clone()),
        spending: Arc::new(store.clone()),
        budget: config.budget,
        blobs,
        sandbox: found.sandbox,
        dependencies: found.dependencies,
        gemini: (!config.gemini.is_demo()).then(|| config.gemini.client(None)).transpose()?,
        models: config.gemini.models.clone(),
        model: config.gemini.model.clone(),
        clock: time.clock,
        clock_offset_ms: time.database.offset_ms(),
    };
    let diagnoses = doctor.examine().await;
    store.close().await;
    diagnoses
}
