//! Puts the parts together and runs them: the only place that chooses what is behind a trait.

mod demo;
mod examine;
mod readiness;
mod tracked;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use leptos::config::{Env, LeptosOptions, ReloadWSProtocol};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::Identity;
use crate::api::{ApiState, SiteState, router};
use crate::batch::machine::Timing;
use crate::batch::{Spool, Submissions, Worker, WorkerSettings};
use crate::changes::Changes;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::extract::{Intake, Recipe};
use crate::gemini;
use crate::gemini::models::{Model, Models};
use crate::library::Library;
use crate::model::PAGES_MAX;
use crate::pdf::{DetectorSpec, Engine, EngineConfig};
use crate::services::Services;
use crate::store::Jobs;
use crate::store::folder::Folder;
use crate::store::sql::SqlStore;
use crate::world::{SystemWorld, World};
use readiness::Dependencies;
use tracked::Tracked;

pub use demo::{Demo, serve_emulator};
pub use examine::examine;

/// A server that is put together: it listens and does not answer yet.
pub struct Server {
    router: Router,
    working: Option<(Worker, Option<Demo>)>,
    store: SqlStore,
    tracked: Tracked,
    changes: Changes,
    listener: TcpListener,
    is_demo: bool,
}

impl Server {
    /// Opens everything that the configuration names, to serve and to work on jobs.
    pub async fn open(config: &Config) -> Result<Self> {
        let parts = Parts::open(config).await?;
        let working = parts.worker(config).await?;
        Self::over(parts, Some(working), config).await
    }

    /// The same, to serve only: other processes work on jobs.
    pub async fn open_without_worker(config: &Config) -> Result<Self> {
        Self::over(Parts::open(config).await?, None, config).await
    }

    async fn over(parts: Parts, working: Option<(Worker, Option<Demo>)>, config: &Config) -> Result<Self> {
        let receive_dir = config.storage.data_dir.join("receiving");
        // What was being received when the last process ended will not be finished.
        let _ = tokio::fs::remove_dir_all(&receive_dir).await;
        tokio::fs::create_dir_all(&receive_dir).await?;
        let is_demo = config.gemini.api_key.is_none();
        let state = ApiState {
            services: parts.services(config),
            site: SiteState {
                options: leptos_options(config)?,
                demo: is_demo,
                public_url: config.site.public_url.clone(),
            },
            changes: parts.changes.clone(),
            readiness: Arc::new(Dependencies {
                store: parts.store.clone(),
                tracked: parts.tracked.clone(),
                engine: parts.engine.clone(),
            }),
            upload_bytes_max: config.limits.upload_bytes_max,
            receive_dir,
        };
        let listener = TcpListener::bind(config.site.addr).await?;
        let Parts { store, tracked, changes, .. } = parts;
        Ok(Self { router: router(state), working, store, tracked, changes, listener, is_demo })
    }

    /// Where it listens.
    pub fn addr(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// A line for the terminal: where to go, and whether this is the real thing.
    pub fn greeting(&self) -> Result<String> {
        let demo = if self.is_demo { " (demo mode: no Gemini key, pages are read by a local stand-in)" } else { "" };
        Ok(format!("Coldbrew is ready at http://{}{demo}", self.addr()?))
    }

    /// Answers and works until `stop`, then finishes what is under way.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        let background = TaskTracker::new();
        if let Some((worker, demo)) = self.working {
            let stop = stop.clone();
            background.spawn(async move {
                worker.run(stop).await;
                drop(demo);
            });
        }
        background.spawn(self.tracked.run(stop.clone()));
        let (changes, stopped) = (self.changes, stop.clone());
        // A page that listens would keep the server from ever being done.
        let stopping = async move {
            stopped.cancelled().await;
            changes.close();
        };
        let served = axum::serve(self.listener, self.router).with_graceful_shutdown(stopping).await;
        stop.cancel();
        background.close();
        background.wait().await;
        self.store.close().await;
        Ok(served?)
    }
}

/// Works on jobs until `stop`, and serves nobody.
pub async fn work(config: &Config, stop: CancellationToken) -> Result<()> {
    let parts = Parts::open(config).await?;
    let (worker, _demo) = parts.worker(config).await?;
    tokio::join!(worker.run(stop.clone()), parts.tracked.run(stop));
    parts.store.close().await;
    Ok(())
}

/// What use cases and worker are made of.
struct Parts {
    store: SqlStore,
    tracked: Tracked,
    blobs: Arc<Folder>,
    spool: Spool,
    engine: Engine,
    recipe: Recipe,
    world: Arc<dyn World>,
    bell: Arc<Notify>,
    changes: Changes,
}

impl Parts {
    async fn open(config: &Config) -> Result<Self> {
        // Every HTTPS client of this process needs it; there may be one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let data_dir = &config.storage.data_dir;
        tokio::fs::create_dir_all(data_dir).await?;
        let store = SqlStore::open(&database_url(config)).await?;
        let (changes, bell) = (Changes::default(), Arc::new(Notify::new()));
        let world = Arc::new(SystemWorld);
        Ok(Self {
            blobs: Arc::new(Folder::open(data_dir.join("blobs")).await?),
            spool: Spool::open(data_dir.join("spool")).await?,
            recipe: Recipe::new(model(config)),
            tracked: Tracked::open(config, &store, &changes, &bell, world.id())?,
            engine: engine(config)?,
            world,
            bell,
            changes,
            store,
        })
    }

    fn jobs(&self) -> Arc<dyn Jobs> {
        self.tracked.jobs()
    }

    fn services(&self, config: &Config) -> Services {
        let store = || Arc::new(self.store.clone());
        Services {
            identity: Identity { store: store(), world: self.world.clone() },
            intake: Intake {
                uploads: store(),
                blobs: self.blobs.clone(),
                engine: self.engine.clone(),
                recipe: self.recipe.clone(),
                pricing: config.quota.pricing,
                world: self.world.clone(),
            },
            submissions: Submissions {
                uploads: store(),
                jobs: self.jobs(),
                documents: store(),
                blobs: self.blobs.clone(),
                engine: self.engine.clone(),
                recipe: self.recipe.clone(),
                pricing: config.quota.pricing,
                default_quota: config.quota.tokens,
                world: self.world.clone(),
                bell: self.bell.clone(),
                changes: self.changes.clone(),
            },
            library: Library {
                documents: store(),
                jobs: self.jobs(),
                blobs: self.blobs.clone(),
                changes: self.changes.clone(),
            },
            accounts: store(),
            jobs: self.jobs(),
            default_quota: config.quota.tokens,
        }
    }

    /// A worker and, in demo mode, the stand-in for Google that it asks.
    async fn worker(&self, config: &Config) -> Result<(Worker, Option<Demo>)> {
        let demo = match config.gemini.api_key {
            Some(_) => None,
            None => Some(Demo::start(config, self.engine.clone()).await?),
        };
        let millis = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let worker = Worker {
            name: self.world.id().into(),
            jobs: self.jobs(),
            figures: Arc::new(self.store.clone()),
            blobs: self.blobs.clone(),
            engine: self.engine.clone(),
            gemini: gemini_client(config, demo.as_ref())?,
            models: models(config),
            pricing: config.quota.pricing,
            spool: self.spool.clone(),
            world: self.world.clone(),
            bell: self.bell.clone(),
            changes: self.changes.clone(),
            settings: WorkerSettings {
                timing: Timing {
                    poll_ms: millis(config.batch.poll_interval),
                    seek_ms: millis(config.batch.seek_interval),
                    ..Timing::default()
                },
                lease: config.batch.lease,
                jobs_max: config.batch.jobs_max,
                realtime_requests_max: config.batch.realtime_requests_max,
            },
        };
        Ok((worker, demo))
    }
}

/// Where the records are.
fn database_url(config: &Config) -> String {
    let embedded = || SqlStore::embedded_url(&config.storage.data_dir.join("coldbrew.db"));
    config.storage.database_url.clone().unwrap_or_else(embedded)
}

/// The model that pages are put to.
fn model(config: &Config) -> &str {
    config.gemini.model.as_deref().unwrap_or(gemini::models::DEFAULT)
}

/// The table of models, with what the configuration says of the one that is used.
fn models(config: &Config) -> Models {
    let gemini = &config.gemini;
    let listed = gemini::models::model(model(config));
    Models::default().with(Model {
        thinking: gemini.thinking.map_or(listed.thinking, Into::into),
        sampling: gemini.sampling.unwrap_or(listed.sampling),
        output_tokens_max: gemini.output_tokens_max.unwrap_or(listed.output_tokens_max),
        ..listed
    })
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
        workers_max: pages.workers_max,
        library: defaults.library,
        detector,
        pages_max: PAGES_MAX,
    };
    Engine::new(engine).map_err(Error::internal)
}

/// Where a library or a model is: as configured or, for an installed program, beside the executable.
fn installed(configured: &std::path::Path) -> PathBuf {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join(configured.file_name()?));
    let configured = configured.to_owned();
    if configured.exists() { configured } else { beside().filter(|path| path.exists()).unwrap_or(configured) }
}

fn gemini_client(config: &Config, demo: Option<&Demo>) -> Result<gemini::Client> {
    let key = config.gemini.api_key.clone().unwrap_or_else(|| "demo".into());
    let base_url = demo.map_or_else(|| config.gemini.base_url.clone(), Demo::base_url);
    gemini::Client::new(gemini::Config::new(base_url, key)).map_err(Error::internal)
}

fn leptos_options(config: &Config) -> Result<LeptosOptions> {
    let root = std::path::absolute(&config.site.root)?;
    let names = site_names(&root)?;
    Ok(LeptosOptions::builder()
        .output_name("coldbrew")
        .site_root(root.to_string_lossy())
        .site_pkg_dir("pkg")
        .env(Env::PROD)
        .site_addr(config.site.addr)
        .reload_ws_protocol(ReloadWSProtocol::WS)
        // An absolute path is taken as it is.
        .hash_file(names.to_string_lossy().into_owned().into())
        .hash_files(true)
        .build())
}

/// The file with the names that the site's build gave its files: beside the executable, where cargo-leptos and our own build
/// put it, or with the site, where an installed program finds it.
fn site_names(root: &std::path::Path) -> Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("hash.txt");
    let candidates = [beside, root.join("hash.txt")];
    let found = candidates.into_iter().find(|path| path.exists());
    found.ok_or_else(|| Error::internal(format!("there is no site in {}: run `cargo xtask site`", root.display())))
}
