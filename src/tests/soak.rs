//! Servers are killed at random moments, over and over, while documents flow: nothing is lost, nothing is paid twice.
//!
//! `COLDBREW_SOAK_ROUNDS` (default 50) says how often; `COLDBREW_SEED` repeats a run's choices.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use coldbrew::pdf::testing::simple_pdf;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use crate::harness::TestClient;
use crate::processes::{Errand, Google, Program, check_books};

const KEY: &str = "soak";

/// A number from the environment.
pub fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// A document that is unlike all others.
fn errand(number: usize, rng: &mut StdRng) -> Errand {
    let texts: Vec<String> = (0..rng.random_range(1..=3)).map(|page| format!("Book {number}, page {page}.")).collect();
    Errand { book: simple_pdf(&texts.iter().map(String::as_str).collect::<Vec<_>>()), batch_mode: rng.random_bool(0.8) }
}

/// Submits one document after another, for as long as there is a server. The last of `errands` is the one that is not accepted yet.
async fn submit(guest: &TestClient, errands: &mut Vec<Errand>, accepted: &mut Vec<String>, rng: &mut StdRng) {
    loop {
        if errands.len() == accepted.len() {
            errands.push(errand(errands.len(), rng));
        }
        match errands.last().unwrap().try_once(guest).await {
            Some(content_hash) => accepted.push(content_hash),
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
        // Nobody submits faster than a few a second.
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..600))).await;
    }
}

async fn start(data: &Path, google: &Google) -> Program {
    Program::serve(data, &google.settings(KEY)).await
}

#[tokio::test]
async fn servers_killed_at_any_moment_lose_nothing() {
    let rounds = number("COLDBREW_SOAK_ROUNDS").unwrap_or(50);
    let seed = number("COLDBREW_SEED").unwrap_or_else(rand::random);
    println!("COLDBREW_SEED={seed} COLDBREW_SOAK_ROUNDS={rounds}");
    let mut rng = StdRng::seed_from_u64(seed);
    let google = Google::start().await;
    let data = TempDir::new().unwrap();
    // Two servers share the records and the disk, so that each takes over what the other leaves.
    let mut servers = [start(data.path(), &google).await, start(data.path(), &google).await];
    let mut guest = TestClient::guest_at(&servers[0].base_url).await;
    let (mut errands, mut accepted) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let alive = Duration::from_millis(rng.random_range(20..1_200));
        let _ = tokio::time::timeout(alive, submit(&guest, &mut errands, &mut accepted, &mut rng)).await;
        let victim = usize::from(rng.random_bool(0.5));
        let started = start(data.path(), &google).await;
        std::mem::replace(&mut servers[victim], started).kill().await;
        guest = guest.at(&servers[usize::from(rng.random_bool(0.5))].base_url);
    }
    if errands.len() > accepted.len() {
        accepted.push(errands.last().unwrap().try_once(&guest).await.unwrap());
    }
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for content_hash in &accepted {
        let ended = guest.batch_end(content_hash).await;
        // A job is set aside when its worker dies five times in the same step: that is a rule, not a loss.
        let set_aside = ended["error"]["code"] == "set_aside";
        assert!(set_aside || ended["status"] == "SUCCEEDED", "seed {seed}: {ended}");
        *ends.entry(ended["status"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let used = check_books(&guest, ends.get("SUCCEEDED").copied().unwrap_or_default()).await;
    let batches = google.check(KEY).await;
    Program::see_doctor(data.path(), &google.settings(KEY)).await;
    println!("{rounds} kills, {} documents {ends:?}, {batches} batches, {used} tokens, 0 violations", accepted.len());
}
