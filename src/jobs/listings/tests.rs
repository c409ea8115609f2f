use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::future::join_all;
use serde_json::json;
use tokio::sync::Notify;

use super::*;
use crate::clock::SystemClock;
use coldbrew_gemini::{Answer, File, Request, ServiceTier};

/// A Google that only lists. Each listing has one batch, whose name is the number of the listing.
#[derive(Default)]
struct Lister {
    listings: Mutex<Vec<Option<UnixMs>>>,
    fails: AtomicBool,
    /// Whether a listing waits for `end`.
    waits: AtomicBool,
    begun: Notify,
    end: Notify,
}

#[async_trait]
impl Google for Lister {
    fn fingerprint(&self) -> String {
        unreachable!()
    }
    async fn upload(&self, _: &Path, _: &str) -> Result<File, GeminiError> {
        unreachable!()
    }
    async fn create(&self, _: &str, _: &str, _: &str) -> Result<String, GeminiError> {
        unreachable!()
    }
    async fn list(&self, since: Option<UnixMs>) -> Result<Vec<Batch>, GeminiError> {
        let number = {
            let mut listings = self.listings.lock().unwrap();
            listings.push(since);
            listings.len()
        };
        self.begun.notify_one();
        if self.waits.load(Ordering::Relaxed) {
            self.end.notified().await;
        }
        if self.fails.load(Ordering::Relaxed) {
            return Err(GeminiError::new(ErrorKind::Retry { after: None }, "not now"));
        }
        let batch = json!({"name": number.to_string(), "metadata": {"displayName": "coldbrew-job-1"}});
        Ok(vec![Batch::from_json(batch), Batch::from_json(json!({"name": "other"}))])
    }
    async fn get_batch(&self, _: &str) -> Result<Batch, GeminiError> {
        unreachable!()
    }
    async fn cancel(&self, _: &str) -> Result<(), GeminiError> {
        unreachable!()
    }
    async fn delete_batch(&self, _: &str) -> Result<(), GeminiError> {
        unreachable!()
    }
    async fn download(&self, _: &str, _: &Path) -> Result<(), GeminiError> {
        unreachable!()
    }
    async fn find_files(&self, _: &str) -> Result<Vec<File>, GeminiError> {
        unreachable!()
    }
    async fn delete(&self, _: &str) -> Result<(), GeminiError> {
        unreachable!()
    }
    async fn answer(&self, _: &str, _: &Request, _tier: ServiceTier) -> Result<Answer, GeminiError> {
        unreachable!()
    }
}

/// Listings with that pause between two, and the Google that they call.
fn listings(pause_ms: i64) -> (Listings, Arc<Lister>) {
    let google = Arc::new(Lister::default());
    let timing = Timing { reconcile_ms: pause_ms * i64::from(LISTINGS_EACH_INTERVAL), ..Timing::default() };
    (Listings::new(google.clone(), Arc::new(SystemClock), &timing), google)
}

fn stage(uploaded_at: Option<UnixMs>) -> Stage {
    Stage::Reconciling { attempt: 1, input_file: "files/in".into(), uploaded_at, key: None, empty_listings: 0 }
}

/// The number of the listing that a look was served by.
async fn look(listings: &Listings, uploaded_at: Option<UnixMs>, is_first: bool) -> String {
    let found = listings.find("job", &stage(uploaded_at), is_first).await.unwrap();
    assert_eq!(found.len(), 1, "other batches are left out");
    found[0].name.clone()
}

/// The first look gets a listing at once, and all others the next.
#[tokio::test]
async fn looks_at_the_same_time_share_one_listing() {
    let (listings, google) = listings(200);
    let looks = join_all((0..100).map(|number| {
        let listings = &listings;
        async move { look(listings, Some(UnixMs(1_000 + number)), true).await }
    }));
    let served_by = looks.await;
    assert!(served_by[0] == "1" && served_by[1..].iter().all(|listing| listing == "2"), "{served_by:?}");
    assert_eq!(*google.listings.lock().unwrap(), [Some(UnixMs(1_000)); 2], "they reach back to the oldest file");
}

#[tokio::test]
async fn first_look_gets_a_listing_that_begins_after_it() {
    let (listings, google) = listings(20);
    google.waits.store(true, Ordering::Relaxed);
    let other = tokio::spawn({
        let listings = listings.clone();
        async move { look(&listings, None, true).await }
    });
    google.begun.notified().await;
    google.waits.store(false, Ordering::Relaxed);
    let (second, ()) = tokio::join!(look(&listings, None, true), async { google.end.notify_one() });
    assert_eq!((other.await.unwrap().as_str(), second.as_str()), ("1", "2"));
}

#[tokio::test]
async fn later_look_is_served_by_a_listing_of_the_same_pause() {
    let (listings, google) = listings(60_000);
    assert_eq!(look(&listings, Some(UnixMs(5)), true).await, "1");
    assert_eq!(look(&listings, Some(UnixMs(5)), false).await, "1");
    assert_eq!(look(&listings, Some(UnixMs(9)), false).await, "1");
    let waiting = tokio::time::timeout(Duration::from_millis(50), look(&listings, Some(UnixMs(4)), false)).await;
    assert!(waiting.is_err() && google.listings.lock().unwrap().len() == 1, "the listing does not reach back so far");
}

#[tokio::test]
async fn pause_passes_between_two_listings() {
    let (listings, google) = listings(40);
    let begun = SystemClock.tick();
    for _ in 0..4 {
        look(&listings, None, true).await;
    }
    assert_eq!(google.listings.lock().unwrap().len(), 4);
    assert!(begun.elapsed() >= Duration::from_millis(120), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn listing_that_fails_gives_its_error_to_all_looks() {
    let (listings, google) = listings(20);
    google.fails.store(true, Ordering::Relaxed);
    let stage = stage(None);
    let looks = join_all((0..10).map(|_| listings.find("job", &stage, true))).await;
    assert!(looks.into_iter().all(|found| found.unwrap_err().kind == ErrorKind::Retry { after: None }));
    assert_eq!(google.listings.lock().unwrap().len(), 2, "the first look had one of its own");
}
