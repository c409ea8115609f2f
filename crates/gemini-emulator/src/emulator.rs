//! The state of the emulator: tables, clock, faults and settings.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::batch::BatchRow;
use super::clock::{Clock, ClockOffset};
use super::faults::{Fault, FaultMix, Faults};
use super::file::FileRow;
use super::reader::PageReader;
use super::recitation::Recitations;
use super::runner;
use super::store::Table;
use super::uploads::UploadRow;

/// The configuration of an [`Emulator`].
#[derive(Clone)]
pub struct EmulatorConfig {
    /// The folder for all state. It is created if it does not exist.
    pub data_dir: PathBuf,
    /// The time of a batch in PENDING.
    pub pending: Duration,
    /// The minimal time of a batch in RUNNING. A batch runs longer if reading its pages takes longer.
    pub running: Duration,
    pub reader: Arc<dyn PageReader>,
    pub clock: Arc<dyn Clock>,
    /// Whether `/_control` is served.
    pub control: bool,
}

/// An emulator of the Gemini API. Cheap to clone. Its batches stop running when the last clone is dropped.
#[derive(Clone)]
pub struct Emulator {
    inner: Arc<Inner>,
    _stop: Arc<DropGuard>,
}

/// The state that handlers and running batches share.
pub struct Inner {
    pub files: Table<FileRow>,
    pub batches: Table<BatchRow>,
    pub uploads: Table<UploadRow>,
    pub faults: Faults,
    pub(crate) recitations: Recitations,
    /// The number of requests without `"store": false`, in single calls and in batches.
    pub unprotected: AtomicU64,
    pub reader: Arc<dyn PageReader>,
    pub clock_offset: ClockOffset,
    pub control: bool,
    clock: Arc<dyn Clock>,
    settings: Mutex<Settings>,
    calls: Mutex<BTreeMap<String, u64>>,
    stop: CancellationToken,
}

/// The settings that `/_control/settings` replaces.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub pending_ms: i64,
    pub running_ms: i64,
    /// The limit of enqueued tokens for each project and model.
    #[serde(default = "unlimited")]
    pub enqueued_tokens_max: u64,
    /// How long batches count as enqueued after they were cancelled or deleted. At Google they did for days
    /// (<https://github.com/googleapis/python-genai/issues/2495>, read 2026-11-23).
    #[serde(default)]
    pub cancelled_counts_ms: i64,
    /// The limit of active batches for each project. Google's is 100 (<https://ai.google.dev/gemini-api/docs/rate-limits>, read
    /// 2026-10-31).
    #[serde(default = "unlimited")]
    pub batches_max: u64,
    #[serde(default = "storage_bytes_max")]
    pub storage_bytes_max: u64,
}

const fn unlimited() -> u64 {
    u64::MAX
}

const fn storage_bytes_max() -> u64 {
    21_474_836_480
}

impl Emulator {
    /// Opens the folder and restarts the unfinished batches. Needs a Tokio runtime.
    ///
    /// # Errors
    /// If the folder cannot be created or read.
    pub async fn open(config: EmulatorConfig) -> io::Result<Self> {
        fs::create_dir_all(&config.data_dir)?;
        let stop = CancellationToken::new();
        let inner = Arc::new(Inner {
            files: Table::open(config.data_dir.join("files"))?,
            batches: Table::open(config.data_dir.join("batches"))?,
            uploads: Table::open(config.data_dir.join("uploads"))?,
            faults: Faults::default(),
            recitations: Recitations::default(),
            unprotected: AtomicU64::new(0),
            reader: config.reader,
            clock_offset: ClockOffset::open(&config.data_dir),
            control: config.control,
            clock: config.clock,
            settings: Mutex::new(Settings {
                pending_ms: millis(config.pending),
                running_ms: millis(config.running),
                enqueued_tokens_max: unlimited(),
                cancelled_counts_ms: 0,
                batches_max: unlimited(),
                storage_bytes_max: storage_bytes_max(),
            }),
            calls: Mutex::default(),
            stop: stop.clone(),
        });
        let emulator = Self { inner, _stop: Arc::new(stop.drop_guard()) };
        for batch in emulator.batches.all() {
            if batch.written.is_none() && batch.cancelled.is_none() && batch.deleted.is_none() {
                emulator.start_batch(&batch.id);
            }
        }
        Ok(emulator)
    }

    /// Arms all faults of a mix. `seed` chooses the pages that they meet.
    pub fn arm(&self, mix: FaultMix, seed: u64) {
        self.faults.arm_mix(mix, seed);
    }

    /// Runs the requests of a batch in a task of its own.
    pub(super) fn start_batch(&self, batch: &str) {
        let (inner, batch) = (Arc::clone(&self.inner), batch.to_owned());
        tokio::spawn(async move {
            let run = runner::run_batch(&inner, &batch);
            let ended = inner.stop.clone().run_until_cancelled(run).await;
            // A batch that was deleted meanwhile has lost its files, which is no error.
            if let Some(Err(error)) = ended
                && inner.batches.get(&batch).is_some_and(|batch| batch.deleted.is_none())
            {
                tracing::warn!(%error, "the emulator could not run a batch");
                // Without an output the batch would stay in RUNNING for ever.
                let _ = inner.batches.update(&batch, |batch| batch.faults.push(Fault::BatchFails));
            }
        });
    }
}

impl Inner {
    pub fn now(&self) -> Timestamp {
        self.clock_offset.apply(self.clock.now())
    }

    /// The current day, in UTC.
    pub fn today(&self) -> Date {
        self.now().to_zoned(TimeZone::UTC).date()
    }

    pub fn settings(&self) -> Settings {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set(&self, settings: Settings) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Counts a call under its name, for `GET /_control`.
    pub fn count(&self, call: &str) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(call.to_owned()).or_default() += 1;
    }

    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Deref for Emulator {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A random id of lower-case letters and digits, as Google creates them.
pub(crate) fn random_id(length: usize) -> String {
    use rand::RngExt;
    const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut generator = rand::rng();
    (0..length).map(|_| char::from(DIGITS[generator.random_range(0..DIGITS.len())])).collect()
}
