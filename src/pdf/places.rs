//! Places for workers: however much is done in the background, one is left for somebody who waits.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::PdfError;

/// A number of places, all but one of which may be taken in the background.
#[derive(Debug)]
pub struct Places {
    all: Arc<Semaphore>,
    background: Arc<Semaphore>,
    /// How long somebody waits for a place.
    patience: Duration,
}

/// A place that is taken for as long as this is held.
#[derive(Debug)]
pub struct Place {
    _one: OwnedSemaphorePermit,
    /// It counts as one in the background.
    background: Option<OwnedSemaphorePermit>,
}

impl Places {
    /// So many places, but two at least: with a single one either could keep the other waiting for ever.
    pub fn new(count: usize, patience: Duration) -> Self {
        let count = count.max(2);
        Self { all: Arc::new(Semaphore::new(count)), background: Arc::new(Semaphore::new(count - 1)), patience }
    }

    /// A place for work that somebody waits for.
    ///
    /// # Errors
    /// [`PdfError::Unavailable`] if others who wait have them all for too long.
    pub async fn somebodys(&self) -> Result<Place, PdfError> {
        let one = tokio::time::timeout(self.patience, taken(&self.all)).await;
        let busy = |_| PdfError::Unavailable("all places of the page engine are taken".to_owned());
        Ok(Place { _one: one.map_err(busy)??, background: None })
    }

    /// A place for work that nobody waits for, however long it takes to get one.
    pub async fn backgrounds(&self) -> Result<Place, PdfError> {
        let background = taken(&self.background).await?;
        Ok(Place { _one: taken(&self.all).await?, background: Some(background) })
    }

    /// One more for whoever has that place, if one is left for the next then.
    pub fn one_more(&self, place: &Place) -> Option<Place> {
        let free = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned().ok();
        let background = match place.background {
            Some(_) => Some(free(&self.background)?),
            None => None,
        };
        let one = (self.all.available_permits() > 1).then(|| free(&self.all)).flatten()?;
        Some(Place { _one: one, background })
    }
}

async fn taken(places: &Arc<Semaphore>) -> io::Result<OwnedSemaphorePermit> {
    Arc::clone(places).acquire_owned().await.map_err(io::Error::other)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn work_in_the_background_leaves_a_place_for_somebody() {
        for count in 1..5 {
            let places = Places::new(count, MOMENT);
            let mut held = vec![places.backgrounds().await.unwrap()];
            while let Ok(place) = timeout(MOMENT, places.backgrounds()).await {
                held.push(place.unwrap());
            }
            assert!(places.one_more(&held[0]).is_none());
            let somebodys = places.somebodys().await.unwrap();
            assert!(places.one_more(&somebodys).is_none());
            drop((held, somebodys));
            assert!(timeout(MOMENT, places.backgrounds()).await.is_ok(), "and it goes on when there is one again");
        }
    }

    #[tokio::test]
    async fn who_waits_for_others_who_wait_is_told_so_in_time() {
        let places = Places::new(2, MOMENT);
        let held = [places.somebodys().await.unwrap(), places.somebodys().await.unwrap()];
        assert!(matches!(places.somebodys().await, Err(PdfError::Unavailable(_))));
        assert!(timeout(2 * MOMENT, places.backgrounds()).await.is_err(), "nobody waits for that");
        drop(held);
        assert!(places.somebodys().await.is_ok());
    }

    #[tokio::test]
    async fn a_place_more_counts_as_the_first_one_does() {
        let places = Places::new(4, MOMENT);
        let first = places.backgrounds().await.unwrap();
        let more = [places.one_more(&first).unwrap(), places.one_more(&first).unwrap()];
        assert!(places.one_more(&first).is_none());
        assert!(timeout(MOMENT, places.backgrounds()).await.is_err());
        assert!(places.somebodys().await.is_ok());
        drop(more);
    }
}
