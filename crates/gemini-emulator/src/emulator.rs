//! The emulator's state: its tables, its clock, its faults, and what it was configured with.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::batch::BatchRow;
use super::clock::{Clock, Shift};
use super::faults::{Fault, Faults};
use super::file::FileRow;
use super::reader::PageReader;
use super::store::Table;
use super::uploads::UploadRow;
use super::work;

/// What an [`Emulator`] needs.
#[derive(Clone)]
pub struct EmulatorConfig {
    /// Made if it is not there.
    pub data_dir: PathBuf,
    /// How long a batch waits.
    pub pending: Duration,
    /// How long it then takes at least; never less than reading its pages does.
    pub running: Duration,
    pub reader: Arc<dyn PageReader>,
    pub clock: Arc<dyn Clock>,
    /// Whether `/_control` exists.
    pub control: bool,
}

/// A stand-in for the Gemini API. Cheap to clone; its work stops when the last clone is gone.
#[derive(Clone)]
pub struct Emulator {
    inner: Arc<Inner>,
    _stop: Arc<DropGuard>,
}

/// What handlers and workers share.
pub struct Inner {
    pub files: Table<FileRow>,
    pub batches: Table<BatchRow>,
    pub uploads: Table<UploadRow>,
    pub faults: Faults,
    pub reader: Arc<dyn PageReader>,
    pub shift: Shift,
    pub control: bool,
    clock: Arc<dyn Clock>,
    settings: Mutex<Settings>,
    calls: Mutex<BTreeMap<String, u64>>,
    stop: CancellationToken,
}

/// What `/_control/settings` may change while it runs.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub pending_ms: i64,
    pub running_ms: i64,
    /// Tokens that may be enqueued in a project's batches.
    #[serde(default = "unlimited")]
    pub enqueued_tokens_max: u64,
    /// Google has been seen to count cancelled batches as enqueued.
    #[serde(default)]
    pub cancelled_count_as_enqueued: bool,
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
    /// Opens the folder and takes up the batches that are not finished. Needs a Tokio runtime.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub async fn open(config: EmulatorConfig) -> io::Result<Self> {
        fs::create_dir_all(&config.data_dir)?;
        let stop = CancellationToken::new();
        let inner = Arc::new(Inner {
            files: Table::open(config.data_dir.join("files"))?,
            batches: Table::open(config.data_dir.join("batches"))?,
            uploads: Table::open(config.data_dir.join("uploads"))?,
            faults: Faults::default(),
            reader: config.reader,
            shift: Shift::open(&config.data_dir),
            control: config.control,
            clock: config.clock,
            settings: Mutex::new(Settings {
                pending_ms: millis(config.pending),
                running_ms: millis(config.running),
                enqueued_tokens_max: unlimited(),
                cancelled_count_as_enqueued: false,
                storage_bytes_max: storage_bytes_max(),
            }),
            calls: Mutex::default(),
            stop: stop.clone(),
        });
        let emulator = Self { inner, _stop: Arc::new(stop.drop_guard()) };
        for batch in emulator.batches.all() {
            if batch.written.is_none() && batch.cancelled.is_none() {
                emulator.start_work(&batch.id);
            }
        }
        Ok(emulator)
    }

    /// Reads a batch's requests beside everything else.
    pub(super) fn start_work(&self, batch: &str) {
        let (inner, batch) = (Arc::clone(&self.inner), batch.to_owned());
        tokio::spawn(async move {
            let work = work::carry_out(&inner, &batch);
            let worked = inner.stop.clone().run_until_cancelled(work).await;
            // One that was deleted meanwhile has nothing left to work on.
            if let Some(Err(error)) = worked
                && inner.batches.get(&batch).is_some()
            {
                tracing::warn!(%error, "the emulator could not work on a batch");
                // Without its output it would run for ever.
                let _ = inner.batches.update(&batch, |batch| batch.faults.push(Fault::BatchFails));
            }
        });
    }
}

impl Inner {
    pub fn now(&self) -> Timestamp {
        self.shift.apply(self.clock.now())
    }

    pub fn settings(&self) -> Settings {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set(&self, settings: Settings) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Remembers that a call was made, so that tests can tell how often.
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

/// A name as Google makes them: lower-case letters and digits.
pub(crate) fn random_id(length: usize) -> String {
    use rand::RngExt;
    const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut generator = rand::rng();
    (0..length).map(|_| char::from(DIGITS[generator.random_range(0..DIGITS.len())])).collect()
}
