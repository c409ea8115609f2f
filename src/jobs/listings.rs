//! Listings of Google's batches, shared by all jobs and orphaned resources of this process that look for the batch of a lost create.
//!
//! A listing shows a batch only if it begins after the create was sent. So a first look gets a listing that begins after it asked. A later
//! look may get one that began up to a pause earlier: [`Timing::reconcile_listings`] has one listing more for that. One listing runs at a
//! time, and a pause passes between the beginnings of two. So the number of calls grows with time, not with the number of looks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Google;
use super::job::{Stage, batch_name};
use super::machine::Timing;
use crate::clock::Clock;
use crate::model::UnixMs;
use coldbrew_gemini::{Batch, Error as GeminiError, ErrorKind};

/// Listings in one interval between two looks of a job.
const LISTINGS_EACH_INTERVAL: u32 = 4;
/// A listing reaches back far enough for all looks of so many pauses before it. So it also serves their repetitions.
const PAUSES_REMEMBERED: u32 = 16;

/// The listings of this process. Cheap to clone.
#[derive(Clone)]
pub struct Listings(Arc<Shared>);

struct Shared {
    google: Arc<dyn Google>,
    clock: Arc<dyn Clock>,
    pause: Duration,
    /// When recent looks asked, and since when a listing must show batches.
    asked: Mutex<Vec<(Instant, Option<UnixMs>)>>,
    /// The newest listing. Held while the next one runs.
    last: tokio::sync::Mutex<Option<Listing>>,
}

struct Listing {
    begun: Instant,
    /// It shows the batches that were created since then, by Google's clock; `None`: all batches.
    since: Option<UnixMs>,
    batches: Result<Vec<Batch>, (ErrorKind, String)>,
}

impl Listings {
    pub fn new(google: Arc<dyn Google>, clock: Arc<dyn Clock>, timing: &Timing) -> Self {
        let pause = Duration::from_millis(timing.reconcile_ms.unsigned_abs()) / LISTINGS_EACH_INTERVAL;
        Self(Arc::new(Shared { google, clock, pause, asked: Mutex::default(), last: tokio::sync::Mutex::default() }))
    }

    /// The batches that the create of this stage may have made, newest first: those with its display name or its input file. `is_first`:
    /// the listing begins after this call. Otherwise it may have begun up to a pause earlier.
    ///
    /// # Errors
    /// The listing failed. All looks that it serves get its error.
    pub(super) async fn find(&self, job_id: &str, stage: &Stage, is_first: bool) -> Result<Vec<Batch>, GeminiError> {
        let (Some(attempt), Some(input_file)) = (stage.attempt(), stage.input_file()) else { return Ok(Vec::new()) };
        let shared = &*self.0;
        let (asked_at, since) = (shared.clock.tick(), stage.uploaded_at());
        shared.asked.lock().unwrap_or_else(PoisonError::into_inner).push((asked_at, since));
        let age_max = if is_first { Duration::ZERO } else { shared.pause };
        let mut last = shared.last.lock().await;
        let is_valid = |listing: &Listing| listing.begun + age_max >= asked_at && listing.since <= since;
        if !last.as_ref().is_some_and(is_valid) {
            let next_at = last.as_ref().map_or(asked_at, |listing| listing.begun + shared.pause);
            *last = Some(shared.list(next_at, since).await);
        }
        let Some(listing) = &*last else { return Ok(Vec::new()) };
        let name = batch_name(job_id, attempt);
        let is_of_attempt =
            |batch: &&Batch| batch.display_name == name || batch.input_file.as_deref() == Some(input_file);
        match &listing.batches {
            Ok(batches) => Ok(batches.iter().filter(is_of_attempt).cloned().collect()),
            Err((kind, message)) => Err(GeminiError::new(*kind, message.clone())),
        }
    }
}

impl Shared {
    /// Lists all batches that recent looks need, and those since `since`. Begins at `at` or later.
    async fn list(&self, at: Instant, since: Option<UnixMs>) -> Listing {
        let wait = at.saturating_duration_since(self.clock.tick());
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
        let begun = self.clock.tick();
        let since = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.retain(|(at, _)| *at + self.pause * PAUSES_REMEMBERED >= begun);
            asked.iter().map(|(_, since)| *since).fold(since, Option::min)
        };
        let listed = self.google.list(since).await;
        let batches = listed.map_err(|error| (error.kind, error.message));
        Listing { begun, since, batches }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
