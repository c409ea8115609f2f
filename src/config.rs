//! What an operator can set, read once at start: `Leptos.toml`, then variables, then defaults.
//!
//! Each concern has one small struct whose `read` names every key, its variable and its default; the annotated `Leptos.toml`
//! says the same to the operator, and a test keeps the two together. All mistakes are reported at once. Nothing
//! below reads the environment or the file again.

mod account_limits;
mod callers;
mod engine;
mod figures;
mod gemini;
mod import;
mod listening;
mod proxies;
mod rendering;
mod sign_in;
mod source;
mod spend;
mod traces;
mod uploads;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use account_limits::AccountLimits;
pub use callers::Callers;
pub use engine::EngineSharing;
pub use figures::{ClassNumbers, Figures};
pub use gemini::Gemini;
pub use import::{Import, List};
pub use listening::Listening;
pub use proxies::Proxies;
pub use rendering::Rendering;
pub use sign_in::SignIn;
pub use source::{ConfigError, Source};
pub use spend::Spend;
pub use traces::Traces;
pub use uploads::Uploads;

use crate::model::{Pricing, UPLOAD_BYTES_MAX};

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub site: Site,
    pub listening: Listening,
    pub proxies: Proxies,
    pub storage: Storage,
    pub gemini: Gemini,
    pub quota: Quota,
    pub spend: Spend,
    pub batch: Batch,
    pub demo: Demo,
    pub pages: Pages,
    pub engine: EngineSharing,
    pub import: Import,
    pub figures: Figures,
    pub rendering: Rendering,
    pub limits: Limits,
    pub callers: Callers,
    pub members: AccountLimits,
    /// On a server that others can reach: see [`Self::guests_are_strangers`].
    pub guests: AccountLimits,
    pub uploads: Uploads,
    pub retention: Retention,
    /// The OpenID Connect provider, if there is one.
    pub sign_in: Option<SignIn>,
    /// Where traces go, if they go anywhere.
    pub traces: Option<Traces>,
}

impl Config {
    /// Reads the configuration of this process: the file that `COLDBREW_CONFIG` names (default `./Leptos.toml`, if it is
    /// there) and the environment.
    pub fn load() -> Result<Self, ConfigError> {
        let env = |name: &str| std::env::var(name).ok();
        let named = env("COLDBREW_CONFIG").map(PathBuf::from);
        let text = match &named {
            Some(path) => read_file(path)?,
            None if Path::new("Leptos.toml").exists() => read_file(Path::new("Leptos.toml"))?,
            None => String::new(),
        };
        Self::read(&text, env)
    }

    /// Reads a configuration from the text of a file and a way to look up variables.
    pub fn read(file: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut source = Source::new(file, env)?;
        let (gemini, site, pages) = (Gemini::read(&mut source), Site::read(&mut source), Pages::read(&mut source));
        let guests_are_owners = guests_are_owners(&gemini, &site);
        let members = AccountLimits::read(&mut source);
        let config = Self {
            listening: Listening::read(&mut source),
            proxies: Proxies::read(&mut source),
            storage: Storage::read(&mut source),
            quota: Quota::read(&mut source, gemini.api_key.is_none()),
            spend: Spend::read(&mut source, gemini.api_key.is_none()),
            batch: Batch::read(&mut source, gemini.api_key.is_none()),
            demo: Demo::read(&mut source),
            engine: EngineSharing::read(&mut source, pages.workers_max, guests_are_owners),
            import: Import::read(&mut source, guests_are_owners),
            figures: Figures::read(&mut source),
            rendering: Rendering::read(&mut source),
            limits: Limits::read(&mut source),
            callers: Callers::read(&mut source),
            members,
            guests: AccountLimits::read_for_guests(&mut source, members),
            uploads: Uploads::read(&mut source),
            retention: Retention::read(&mut source),
            sign_in: SignIn::read(&mut source),
            traces: Traces::read(&mut source),
            gemini,
            site,
            pages,
        };
        source.finish().map(|()| config)
    }

    /// Whether guests may be others than the server's owner: it has a real key, and others can reach it, by itself or through a proxy.
    pub fn guests_are_strangers(&self) -> bool {
        !guests_are_owners(&self.gemini, &self.site)
    }
}

/// In demo mode, and on a server that only its own machine can reach, a guest is the person who runs it.
fn guests_are_owners(gemini: &Gemini, site: &Site) -> bool {
    gemini.api_key.is_none() || site.is_local()
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError::single(format!("{}: {error}", path.display())))
}

/// Where the site is served and from where its files come.
#[derive(Clone)]
pub struct Site {
    pub addr: SocketAddr,
    /// The folder that the site's build made.
    pub root: PathBuf,
    /// The address people type, if it is not `addr`: with `https://` cookies are marked secure.
    pub public_url: Option<String>,
    /// How long requests that are under way have to end when the server is told to stop.
    pub stop_timeout: Duration,
    /// What asks for `/metrics` must show this, if it is set.
    pub metrics_token: Option<String>,
}

impl Site {
    fn read(source: &mut Source) -> Self {
        Self {
            addr: source.value("leptos.site-addr", "LEPTOS_SITE_ADDR", SocketAddr::from(([127, 0, 0, 1], 3000))),
            root: source.value("leptos.site-root", "LEPTOS_SITE_ROOT", PathBuf::from("target/site")),
            public_url: source.url("site.public-url", "COLDBREW_PUBLIC_URL"),
            stop_timeout: source.millis("site.stop-timeout-ms", "COLDBREW_STOP_TIMEOUT_MS", 20_000),
            metrics_token: source.secret("site.metrics-token", "COLDBREW_METRICS_TOKEN"),
        }
    }
}

impl Site {
    /// Whether only this machine can reach the site. With a public address a proxy passes on what others ask.
    fn is_local(&self) -> bool {
        self.addr.ip().is_loopback() && self.public_url.is_none()
    }
}

/// The token never reaches a log.
impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site").field("addr", &self.addr).field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

/// Where things are kept.
#[derive(Clone)]
pub struct Storage {
    pub data_dir: PathBuf,
    /// `sqlite://…` or `postgres://…`; `None`: SQLite in the data folder.
    pub database_url: Option<String>,
    /// `redis://…`, where jobs are made known to other processes and programs; `None`: nowhere.
    pub redis_url: Option<String>,
    /// `s3://bucket/folder`; `None`: a folder in the data folder.
    pub blob_url: Option<String>,
    pub s3: S3Access,
}

/// Addresses may hold passwords: of those that are set, a log may only know which.
impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage")
            .field("data_dir", &self.data_dir)
            .field("database", &self.database_url.is_some())
            .field("redis", &self.redis_url.is_some())
            .field("blobs", &self.blob_url.is_some())
            .field("s3", &self.s3)
            .finish()
    }
}

/// How an S3-compatible store is reached.
#[derive(Clone)]
pub struct S3Access {
    /// `None`: Amazon's own for the region.
    pub endpoint: Option<String>,
    pub region: String,
    /// `None`: what the machine is allowed to by its role.
    pub access_key: Option<String>,
    pub secret_key: Option<String>,
}

/// The keys never reach a log.
impl std::fmt::Debug for S3Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Access")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl Storage {
    fn read(source: &mut Source) -> Self {
        Self {
            data_dir: source.value("storage.data-dir", "COLDBREW_DATA_DIR", PathBuf::from("data")),
            database_url: source.secret_url(
                "storage.database-url",
                "DATABASE_URL",
                &["sqlite", "postgres", "postgresql"],
            ),
            redis_url: source.secret_url("storage.redis-url", "REDIS_URL", &["redis", "rediss", "redis+unix", "unix"]),
            blob_url: source.secret_url("storage.blob-url", "BLOB_URL", &["s3"]),
            s3: S3Access::read(source),
        }
    }
}

impl S3Access {
    fn read(source: &mut Source) -> Self {
        let access = Self {
            endpoint: source.url("storage.s3-endpoint", "AWS_ENDPOINT_URL"),
            region: source.value("storage.s3-region", "AWS_REGION", "us-east-1".to_owned()),
            access_key: source.secret("storage.s3-access-key", "AWS_ACCESS_KEY_ID"),
            secret_key: source.secret("storage.s3-secret-key", "AWS_SECRET_ACCESS_KEY"),
        };
        if access.access_key.is_some() != access.secret_key.is_some() {
            source.complain("storage.s3-access-key and storage.s3-secret-key are of use only together");
        }
        access
    }
}

/// What an account may use, and what tokens weigh.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// Per account, in token equivalents.
    pub tokens: u64,
    /// Per guest, in token equivalents.
    pub guest_tokens: u64,
    pub pricing: Pricing,
}

/// What a guest may use of a real key, in token equivalents: some 30 pages in realtime, or 60 in a batch.
const GUEST_TOKENS: u64 = 200_000;

impl Quota {
    fn read(source: &mut Source, demo: bool) -> Self {
        let pricing = Pricing::default();
        let tokens = source.value("quota.tokens", "COLDBREW_QUOTA_TOKENS", 20_000_000);
        let guest_tokens = if demo { tokens } else { tokens.min(GUEST_TOKENS) };
        Self {
            tokens,
            guest_tokens: source.value("quota.guest-tokens", "COLDBREW_GUEST_QUOTA_TOKENS", guest_tokens),
            pricing: Pricing {
                output_multiplier: source.at_least_1(
                    "quota.output-multiplier",
                    "COLDBREW_OUTPUT_MULTIPLIER",
                    pricing.output_multiplier,
                ),
                batch_percent: source.value_that(
                    "quota.batch-percent",
                    "COLDBREW_BATCH_PERCENT",
                    pricing.batch_percent,
                    "from 1 to 100",
                    |percent| (1..=100).contains(percent),
                ),
            },
        }
    }
}

/// How jobs are worked.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    pub poll_interval: Duration,
    /// Between two listings that look for a create whose answer was lost.
    pub seek_interval: Duration,
    /// After a fault that passes, if Google does not say how long to wait.
    pub retry_interval: Duration,
    /// A batch that Google has not started after this is withdrawn, and submitted once again.
    pub pending_max: Duration,
    /// A worker that says nothing for this long is taken for dead.
    pub lease: Duration,
    /// Jobs that one process works on at once.
    pub jobs_max: usize,
    /// Batches at Google that one process looks at at once.
    pub polls_max: usize,
    /// Realtime requests that one job has under way at once.
    pub realtime_requests_max: usize,
}

impl Batch {
    fn read(source: &mut Source, demo: bool) -> Self {
        let poll_ms = if demo { 2_000 } else { 15_000 };
        // The stand-in lists a batch as soon as it is made.
        let seek_ms = if demo { 500 } else { 30_000 };
        Self {
            poll_interval: source.interval("batch.poll-interval-ms", "COLDBREW_POLL_INTERVAL_MS", poll_ms),
            seek_interval: source.interval("batch.seek-interval-ms", "COLDBREW_SEEK_INTERVAL_MS", seek_ms),
            retry_interval: source.interval("batch.retry-interval-ms", "COLDBREW_RETRY_INTERVAL_MS", 30_000),
            pending_max: source.interval("batch.pending-max-ms", "COLDBREW_PENDING_MAX_MS", 86_400_000),
            lease: source.interval("batch.lease-ms", "COLDBREW_LEASE_MS", 20_000),
            jobs_max: source.at_least_1("batch.jobs-max", "COLDBREW_JOBS_MAX", 16),
            polls_max: source.at_least_1("batch.polls-max", "COLDBREW_POLLS_MAX", 256),
            realtime_requests_max: source.at_least_1(
                "batch.realtime-requests-max",
                "COLDBREW_REALTIME_REQUESTS_MAX",
                8,
            ),
        }
    }
}

/// How long the built-in emulator keeps a batch in each state.
#[derive(Clone, Copy, Debug)]
pub struct Demo {
    pub pending: Duration,
    pub running: Duration,
}

impl Demo {
    fn read(source: &mut Source) -> Self {
        Self {
            pending: source.millis("demo.pending-ms", "COLDBREW_DEMO_PENDING_MS", 5_000),
            running: source.millis("demo.running-ms", "COLDBREW_DEMO_RUNNING_MS", 10_000),
        }
    }
}

/// The page engine.
#[derive(Clone, Debug)]
pub struct Pages {
    /// Where `libpdfium.so` is; relative paths are tried beside the executable too.
    pub pdfium: PathBuf,
    /// The program whose `page-worker` reads pages; `None`: this very program.
    pub worker_exe: Option<String>,
    /// Documents that are worked on at once, each in a process of its own.
    pub workers_max: usize,
    /// What one such process may use, in bytes.
    pub memory_bytes_max: u64,
    pub open_timeout: Duration,
    pub page_timeout: Duration,
    pub document_timeout: Duration,
    pub answer_timeout: Duration,
}

impl Pages {
    fn read(source: &mut Source) -> Self {
        Self {
            pdfium: source.value("pages.pdfium", "COLDBREW_PDFIUM", PathBuf::from("vendor/libpdfium.so")),
            worker_exe: source.optional("pages.worker-exe", "COLDBREW_PAGE_WORKER_EXE"),
            workers_max: source.at_least_1("pages.workers-max", "COLDBREW_PAGE_WORKERS_MAX", 4),
            memory_bytes_max: source.at_least_1("pages.memory-bytes-max", "COLDBREW_PAGE_MEMORY_BYTES_MAX", 1 << 30),
            open_timeout: source.interval("pages.open-timeout-ms", "COLDBREW_OPEN_TIMEOUT_MS", 20_000),
            page_timeout: source.interval("pages.page-timeout-ms", "COLDBREW_PAGE_TIMEOUT_MS", 10_000),
            document_timeout: source.interval("pages.document-timeout-ms", "COLDBREW_DOCUMENT_TIMEOUT_MS", 1_800_000),
            answer_timeout: source.interval("pages.answer-timeout-ms", "COLDBREW_ANSWER_TIMEOUT_MS", 120_000),
        }
    }
}

/// What is refused before it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub upload_bytes_max: u64,
    /// How long a caller may say nothing before a request is whole.
    pub silence_timeout: Duration,
    /// How long a file that is named by its address may take to come.
    pub url_timeout: Duration,
    /// Text that is kept of one file, in bytes.
    pub document_text_bytes_max: u64,
    /// Requests a minute; 0 is without limit. Reads and changes are counted by account, entries by address.
    pub reads_per_minute: u32,
    pub changes_per_minute: u32,
    pub entries_per_minute: u32,
}

impl Limits {
    fn read(source: &mut Source) -> Self {
        Self {
            upload_bytes_max: source.at_least_1(
                "limits.upload-bytes-max",
                "COLDBREW_UPLOAD_BYTES_MAX",
                UPLOAD_BYTES_MAX,
            ),
            silence_timeout: source.interval("limits.silence-timeout-ms", "COLDBREW_SILENCE_TIMEOUT_MS", 30_000),
            url_timeout: source.interval("limits.url-timeout-ms", "COLDBREW_URL_TIMEOUT_MS", 120_000),
            document_text_bytes_max: source.at_least_1(
                "limits.document-text-bytes-max",
                "COLDBREW_DOCUMENT_TEXT_BYTES_MAX",
                64 << 20,
            ),
            reads_per_minute: source.value("limits.reads-per-minute", "COLDBREW_READS_PER_MINUTE", 1_200),
            changes_per_minute: source.value("limits.changes-per-minute", "COLDBREW_CHANGES_PER_MINUTE", 300),
            entries_per_minute: source.value("limits.entries-per-minute", "COLDBREW_ENTRIES_PER_MINUTE", 60),
        }
    }
}

/// How long things are kept that nobody comes back for, in days; 0 is for ever.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    pub guest_days: u32,
    pub upload_days: u32,
}

impl Retention {
    fn read(source: &mut Source) -> Self {
        Self {
            guest_days: source.value("retention.guest-days", "COLDBREW_GUEST_DAYS", 90),
            upload_days: source.value("retention.upload-days", "COLDBREW_UPLOAD_DAYS", 7),
        }
    }
}

#[cfg(test)]
mod tests;
