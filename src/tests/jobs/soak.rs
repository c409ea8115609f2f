//! Kills servers and workers at random moments, again and again, while documents are submitted: nothing is lost, and nothing is paid twice.
//!
//! `COLDBREW_SOAK_ROUNDS` (default 50) is the number of kills in all. `COLDBREW_SEED` repeats the random choices of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use coldbrew_pdf::testing::simple_pdf;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use crate::support::environment::number;
use crate::support::harness::TestClient;
use crate::support::processes::{Errand, Google, Program, check_books};

const KEY: &str = "soak";

/// A document that differs from all others.
fn errand(number: usize, rng: &mut StdRng) -> Errand {
    let texts: Vec<String> = (0..rng.random_range(1..=3)).map(|page| format!("Book {number}, page {page}.")).collect();
    Errand { book: simple_pdf(&texts.iter().map(String::as_str).collect::<Vec<_>>()), batch_mode: rng.random_bool(0.8) }
}

/// Submits one document after another until it is dropped. The last of `errands` may not be accepted yet.
async fn submit(guest: &TestClient, errands: &mut Vec<Errand>, accepted: &mut Vec<String>, rng: &mut StdRng) {
    loop {
        if errands.len() == accepted.len() {
            errands.push(errand(errands.len(), rng));
        }
        match errands.last().unwrap().try_once(guest).await {
            Some(content_hash) => accepted.push(content_hash),
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
        // A few submissions a second at most.
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..600))).await;
    }
}

/// The arguments of each kind of process.
const WEB: &[&str] = &["serve", "--no-worker"];
const WORKER: &[&str] = &["worker"];
const SERVER: &[&str] = &["serve"];

/// Processes that share a database and a disk, so that each can claim the jobs of another.
struct Fleet<'a> {
    /// The arguments of each process.
    kinds: &'a [&'a [&'a str]],
    programs: Vec<Program>,
    kills: Vec<usize>,
    data: TempDir,
    google: Google,
}

impl<'a> Fleet<'a> {
    async fn start(kinds: &'a [&'a [&'a str]]) -> Self {
        let (data, google) = (TempDir::new().unwrap(), Google::start().await);
        let mut fleet = Self { kinds, programs: Vec::new(), kills: vec![0; kinds.len()], data, google };
        for kind in kinds {
            let program = fleet.program(kind).await;
            fleet.programs.push(program);
        }
        fleet
    }

    async fn program(&self, kind: &[&str]) -> Program {
        let settings = self.google.settings(KEY);
        match kind {
            WORKER => Program::work(self.data.path(), &settings),
            _ => Program::run(kind, self.data.path(), &settings).await,
        }
    }

    /// Kills a random process, after a new one of the same kind was started.
    async fn kill_one(&mut self, rng: &mut StdRng) {
        let victim = rng.random_range(0..self.kinds.len());
        let started = self.program(self.kinds[victim]).await;
        std::mem::replace(&mut self.programs[victim], started).kill().await;
        self.kills[victim] += 1;
    }

    /// The base URL of a random server.
    fn address(&self, rng: &mut StdRng) -> String {
        let addresses: Vec<&str> = self.programs.iter().filter_map(Program::address).collect();
        addresses[rng.random_range(0..addresses.len())].to_owned()
    }
}

/// Kills processes of a fleet, one after the other, in half of all rounds: two tests share them.
async fn kill_over_and_over(kinds: &[&[&str]]) {
    let rounds = number("COLDBREW_SOAK_ROUNDS").unwrap_or(50) / 2;
    let seed = number("COLDBREW_SEED").unwrap_or_else(rand::random);
    println!("COLDBREW_SEED={seed} {kinds:?}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut fleet = Fleet::start(kinds).await;
    let mut guest = TestClient::guest_at(&fleet.address(&mut rng)).await;
    let (mut errands, mut accepted) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let alive = Duration::from_millis(rng.random_range(20..1_200));
        let _ = tokio::time::timeout(alive, submit(&guest, &mut errands, &mut accepted, &mut rng)).await;
        fleet.kill_one(&mut rng).await;
        guest = guest.at(&fleet.address(&mut rng));
    }
    if errands.len() > accepted.len() {
        accepted.push(errands.last().unwrap().try_once(&guest).await.unwrap());
    }
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for content_hash in &accepted {
        let ended = guest.batch_end(content_hash).await;
        // A job whose worker was killed too often without progress is set aside, as it must be.
        let set_aside = ended["error"]["code"] == "set_aside";
        assert!(set_aside || ended["status"] == "SUCCEEDED", "seed {seed}: {ended}");
        *ends.entry(ended["status"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let used = check_books(&guest, ends.get("SUCCEEDED").copied().unwrap_or_default()).await;
    let batches = fleet.google.check(KEY).await;
    Program::see_doctor(fleet.data.path(), &fleet.google.settings(KEY)).await;
    let (kills, documents) = (&fleet.kills, accepted.len());
    println!(
        "{kinds:?} killed {kills:?} times: {documents} documents {ends:?}, {batches} batches, {used} tokens, 0 violations"
    );
}

#[tokio::test]
async fn servers_killed_at_any_moment_lose_nothing() {
    kill_over_and_over(&[SERVER, SERVER]).await;
}

#[tokio::test]
async fn server_and_workers_killed_at_any_moment_lose_nothing() {
    kill_over_and_over(&[WEB, WORKER, WORKER]).await;
}
