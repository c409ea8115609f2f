//! What the doctor looks at, put together from the configuration.

use std::sync::Arc;

use super::{Config, engine};
use crate::api::Readiness;
use crate::changes::Changes;
use crate::error::Result;
use crate::operations::doctor::{Diagnosis, Doctor};
use crate::world::{SystemWorld, World};

use super::readiness::Dependencies;
use super::tracked::Tracked;

/// Examines what this configuration names. Starts nothing that outlives the call.
pub async fn examine(config: &Config) -> Result<Vec<Diagnosis>> {
    let store = config.storage.store().await?;
    let world = SystemWorld;
    let tracked = Tracked::open(config, &store, &Changes::default(), &Arc::default(), world.id())?;
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
        books: Arc::new(store.clone()),
        spending: Arc::new(store.clone()),
        budget: config.budget,
        blobs,
        sandbox: found.sandbox,
        dependencies: found.dependencies,
        gemini: (!config.gemini.is_demo()).then(|| config.gemini.client(None)).transpose()?,
        model: config.gemini.models.get(&config.gemini.model),
        world: Arc::new(world),
    };
    let diagnoses = doctor.examine().await;
    store.close().await;
    diagnoses
}
