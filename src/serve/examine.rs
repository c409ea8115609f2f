//! Runs `coldbrew doctor` on the configuration.

use std::sync::Arc;

use super::{Config, engine};
use crate::api::Readiness;
use crate::changes::Changes;
use crate::clock::{IdGenerator, RandomIds, SystemClock};
use crate::error::Result;
use crate::operations::doctor::{Diagnosis, Doctor};

use super::readiness::Dependencies;
use super::tracked::Tracked;

/// Examines everything that this configuration names. Nothing that it starts outlives the call.
///
/// # Errors
/// The database or the store of files cannot be opened or read.
pub async fn examine(config: &Config) -> Result<Vec<Diagnosis>> {
    let store = config.storage.store().await?;
    let clock = SystemClock;
    let tracked = Tracked::open(config, &store, &Changes::default(), &Arc::default(), RandomIds.id())?;
    let blobs = config.storage.blobs().await?;
    let dependencies = Dependencies {
        store: store.clone(),
        tracked,
        engine: engine(config)?,
        blobs: blobs.clone(),
        incoming: config.storage.incoming(config.incoming),
        data_dir: config.storage.data_dir.clone(),
    };
    let doctor = Doctor {
        audit: Arc::new(store.clone()),
        spending: Arc::new(store.clone()),
        budget: config.budget,
        blobs,
        dependencies: dependencies.check().await,
        gemini: (!config.gemini.is_demo()).then(|| config.gemini.client(None)).transpose()?,
        model: config.gemini.models.get(&config.gemini.model),
        clock: Arc::new(clock),
    };
    let diagnoses = doctor.examine().await;
    store.close().await;
    diagnoses
}
