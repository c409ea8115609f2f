//! The parts that use cases and workers are made of, chosen by the configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Notify;
use url::Url;

use super::tracked::Tracked;
use crate::accounts::HourlyBudgets;
use crate::accounts::spending::Budget;
use crate::accounts::{
    Allowance, Allowances, AttemptLimits, Identity, Membership, PasswordAttempts, Passwords, Provider,
    ProviderSettings, Quota,
};
use crate::api::{Idempotency, UseCases};
use crate::changes::Changes;
use crate::config::{AccountLimits, Config};
use crate::documents::TextLimit;
use crate::documents::{Drafts, Library, Originals, Renderer, RenderingLimits};
use crate::error::{Error, Result};
use crate::extract::Recipe;
use crate::jobs::Jobs;
use crate::jobs::{DiskSpool, Submissions};
use crate::model::PAGES_MAX;
use crate::operations::Metrics;
use crate::retention::{AccountDeletion, Janitor, Retention};
use crate::store::folder::Folder;
use crate::store::s3::{S3, S3Config};
use crate::store::sql::SqlStore;
use crate::uploads::Blobs;
use crate::uploads::fetch::{Fetcher, Imports, SystemResolver, Targets};
use crate::uploads::{DiskSpace, Incoming, IncomingLimits, Intake, Receiver};
use crate::world::{SystemWorld, World};
use coldbrew_pdf::{DetectorSpec, Engine, EngineConfig};

/// What use cases and worker are made of.
pub(super) struct Parts {
    pub(super) store: SqlStore,
    pub(super) tracked: Tracked,
    pub(super) blobs: Arc<dyn Blobs>,
    pub(super) spool: DiskSpool,
    pub(super) engine: Engine,
    recipe: Recipe,
    pub(super) world: Arc<dyn World>,
    pub(super) bell: Arc<Notify>,
    pub(super) changes: Changes,
    pub(super) receiver: Receiver,
    pub(super) incoming: Incoming,
}

impl Parts {
    pub(super) async fn open(config: &Config) -> Result<Self> {
        // Every HTTPS client of this process needs it; there may be one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let data_dir = &config.storage.data_dir;
        tokio::fs::create_dir_all(data_dir).await?;
        let store = SqlStore::open(&database_url(config)).await?;
        let (changes, bell) = (Changes::default(), Arc::new(Notify::new()));
        let world = Arc::new(SystemWorld);
        Ok(Self {
            blobs: blobs(config).await?,
            spool: DiskSpool::open(data_dir.join("spool")).await?,
            recipe: Recipe::new(&config.gemini.model),
            tracked: Tracked::open(config, &store, &changes, &bell, world.id())?,
            engine: engine(config)?,
            world,
            bell,
            changes,
            receiver: Receiver { dir: data_dir.join("receiving"), bytes_max: config.limits.upload_bytes_max },
            incoming: incoming(config),
            store,
        })
    }

    pub(super) fn jobs(&self) -> Arc<dyn Jobs> {
        self.tracked.jobs()
    }

    pub(super) fn services(&self, config: &Config) -> UseCases {
        let store = || Arc::new(self.store.clone());
        let allowances = allowances(config);
        let text_limit = TextLimit { bytes: config.limits.document_text_bytes_max };
        UseCases {
            identity: Identity { store: store(), guest_quota: config.quota.guest_tokens, world: self.world.clone() },
            membership: membership(config, &self.store, self.changes.clone()),
            deletion: self.deletion(),
            quota: Quota { accounts: store(), default_tokens: config.quota.tokens },
            intake: Intake {
                incoming: self.incoming.clone(),
                receiver: self.receiver.clone(),
                fetcher: Fetcher {
                    resolver: Arc::new(SystemResolver),
                    targets: targets(config),
                    imports: Imports::new(config.import.limits),
                    world: self.world.clone(),
                    receiver: self.receiver.clone(),
                    timeout: config.limits.url_timeout,
                },
                storage: store(),
                uploads: store(),
                blobs: self.blobs.clone(),
                engine: self.engine.clone(),
                shares: config.engine.shares,
                recipe: self.recipe.clone(),
                pricing: config.quota.pricing,
                allowances,
                world: self.world.clone(),
            },
            submissions: Submissions {
                uploads: store(),
                jobs: self.jobs(),
                spending: store(),
                documents: store(),
                storage: store(),
                blobs: self.blobs.clone(),
                engine: self.engine.clone(),
                shares: config.engine.shares,
                spool: self.spool.clone(),
                recipe: self.recipe.clone(),
                models: config.gemini.models(),
                pricing: config.quota.pricing,
                allowances,
                text_limit,
                budget: budget(config),
                world: self.world.clone(),
                bell: self.bell.clone(),
                changes: self.changes.clone(),
            },
            library: Library {
                uploads: store(),
                engine: self.engine.clone(),
                shares: config.engine.shares,
                originals: Originals::new(self.engine.clone()),
                drafts: Drafts::default(),
                renderer: Renderer::new(RenderingLimits {
                    at_once_max: config.rendering.at_once_max,
                    page_timeout: config.rendering.page_timeout,
                    kept_bytes_max: config.rendering.kept_bytes_max,
                }),
                text_limit,
                world: self.world.clone(),
                documents: store(),
                jobs: self.jobs(),
                blobs: self.blobs.clone(),
                changes: self.changes.clone(),
            },
            idempotency: Idempotency {
                keys: store(),
                keys_max: config.callers.idempotency_keys_max,
                world: self.world.clone(),
            },
            world: self.world.clone(),
        }
    }

    fn deletion(&self) -> AccountDeletion {
        deletion(&self.store, self.blobs.clone(), self.changes.clone())
    }

    /// The OpenID Connect provider, if the configuration names one.
    pub(super) fn provider(&self, config: &Config, addr: SocketAddr) -> Result<Option<Provider>> {
        let Some(provider) = config.sign_in.clone() else { return Ok(None) };
        let own = config.site.public_url.clone().unwrap_or_else(|| format!("http://{addr}"));
        let settings = ProviderSettings {
            issuer: provider.issuer,
            client_id: provider.client_id,
            client_secret: provider.client_secret,
            redirect_url: format!("{}/sign-in/provider/callback", own.trim_end_matches('/')),
            name: provider.name,
        };
        Provider::new(settings, self.world.clone()).map(Some)
    }

    pub(super) fn metrics(&self, config: &Config) -> Result<Metrics> {
        let store = || Arc::new(self.store.clone());
        Metrics::start(store(), store(), budget(config), self.world.clone())
    }

    pub(super) fn janitor(&self, config: &Config) -> Janitor {
        Janitor {
            deletion: self.deletion(),
            attempts: attempts(config, &self.store),
            expiry: Arc::new(self.store.clone()),
            uploads: Arc::new(self.store.clone()),
            blobs: self.blobs.clone(),
            world: self.world.clone(),
            retention: Retention { guest_days: config.retention.guest_days, upload_days: config.retention.upload_days },
        }
    }
}

/// What callers may have fetched. The site's own address is not, wherever it leads.
fn targets(config: &Config) -> Targets {
    let own = config.site.public_url.as_deref().and_then(|url| Url::parse(url).ok());
    let own = own.and_then(|url| url.host_str()?.parse().ok());
    let deny = config.import.deny.0.iter().cloned().chain(own).collect();
    Targets::on_the_internet(config.import.ports.0.clone(), deny)
}

/// What members can do with their account.
pub(super) fn membership(config: &Config, store: &SqlStore, changes: Changes) -> Membership {
    let shared = Arc::new(store.clone());
    Membership {
        members: shared.clone(),
        credentials: shared.clone(),
        accounts: shared,
        passwords: Passwords::new(config.callers.password_queue_max),
        attempts: attempts(config, store),
        changes,
        world: Arc::new(SystemWorld),
    }
}

fn attempts(config: &Config, store: &SqlStore) -> PasswordAttempts {
    let callers = &config.callers;
    let limits = AttemptLimits { failures_max: callers.password_failures_max, delay_max: callers.password_delay_max };
    PasswordAttempts { store: Arc::new(store.clone()), limits, world: Arc::new(SystemWorld) }
}

/// What deletes an account.
pub(super) fn deletion(store: &SqlStore, blobs: Arc<dyn Blobs>, changes: Changes) -> AccountDeletion {
    AccountDeletion { accounts: Arc::new(store.clone()), blobs, changes, world: Arc::new(SystemWorld) }
}

/// What accounts may hold.
fn allowances(config: &Config) -> Allowances {
    let allowance = |limits: AccountLimits, uploads| Allowance {
        documents: limits.documents_max,
        active_jobs: limits.active_jobs_max,
        stored_bytes: limits.stored_bytes_max,
        uploads,
    };
    let uploads = &config.uploads;
    let member = allowance(config.members, uploads.account_max);
    let stranger = allowance(config.guests, uploads.guest_max.min(uploads.account_max));
    Allowances { member, guest: if config.guests_are_strangers() { stranger } else { member } }
}

/// The uploads that this process receives, on the disk of its data folder.
pub(super) fn incoming(config: &Config) -> Incoming {
    let limits = IncomingLimits {
        uploads: config.uploads.at_once_max,
        uploads_per_network: config.uploads.network_max,
        free_percent_min: config.uploads.free_percent_min,
    };
    let data_dir = config.storage.data_dir.clone();
    let probe = move || {
        let disk = rustix::fs::statvfs(&data_dir)?;
        // What only root may use is not free.
        Ok(DiskSpace { free_bytes: disk.f_bavail * disk.f_frsize, total_bytes: disk.f_blocks * disk.f_frsize })
    };
    Incoming::new(limits, Arc::new(probe))
}

/// What may be spent and used.
pub(super) fn budget(config: &Config) -> Budget {
    Budget {
        daily_max: config.spend.daily_max,
        guests_daily_max: config.spend.guests_daily_max,
        quota_tokens: config.quota.tokens,
        guest_quota_tokens: config.quota.guest_tokens,
    }
}

/// Where the records are.
pub(super) fn database_url(config: &Config) -> String {
    let embedded = || SqlStore::embedded_url(&config.storage.data_dir.join("coldbrew.db"));
    config.storage.database_url.clone().unwrap_or_else(embedded)
}

/// Where the files are.
pub(super) async fn blobs(config: &Config) -> Result<Arc<dyn Blobs>> {
    let storage = &config.storage;
    let Some(url) = &storage.blob_url else {
        return Ok(Arc::new(Folder::open(storage.data_dir.join("blobs")).await?));
    };
    let bucket = S3Config {
        url: url.clone(),
        endpoint: storage.s3.endpoint.clone(),
        region: storage.s3.region.clone(),
        access_key: storage.s3.access_key.clone(),
        secret_key: storage.s3.secret_key.clone(),
    };
    Ok(Arc::new(S3::open(&bucket, storage.data_dir.join("cache")).await?))
}

/// The page engine of a configuration.
pub fn engine(config: &Config) -> Result<Engine> {
    let pages = &config.pages;
    let defaults = EngineConfig::new(installed(&pages.pdfium));
    let detector = config.figures.detector().map(|spec| DetectorSpec {
        model: installed(&spec.model),
        library: installed(&spec.library),
        ..spec
    });
    let engine = EngineConfig {
        worker_exe: pages.worker_exe.as_ref().map_or(defaults.worker_exe, PathBuf::from),
        memory_bytes_max: pages.memory_bytes_max,
        open_timeout: pages.open_timeout,
        page_timeout: pages.page_timeout,
        document_timeout: pages.document_timeout,
        answer_timeout: pages.answer_timeout,
        workers_max: pages.workers_max,
        waiting_max: config.engine.waiting_max,
        library: defaults.library,
        detector,
        pages_max: PAGES_MAX,
        worker_time: Some(Arc::new(HourlyBudgets::default())),
    };
    Engine::new(engine).map_err(Error::internal)
}

/// Where a library or a model is: as configured or, for an installed program, beside the executable.
fn installed(configured: &std::path::Path) -> PathBuf {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join(configured.file_name()?));
    let configured = configured.to_owned();
    if configured.exists() { configured } else { beside().filter(|path| path.exists()).unwrap_or(configured) }
}

/// A client of Google or, in demo mode, of the emulator at that address.
pub(super) fn gemini_client(config: &Config, emulator: Option<String>) -> Result<coldbrew_gemini::Client> {
    let key = config.gemini.api_key.clone().unwrap_or_else(|| "demo".into());
    let base_url = emulator.unwrap_or_else(|| config.gemini.base_url.clone());
    coldbrew_gemini::Client::new(coldbrew_gemini::Config::new(base_url, key)).map_err(Error::internal)
}
