//! Puts the parts together and runs them: the only place that chooses what is behind a trait.

mod connections;
mod demo;
mod examine;
mod operator;
mod parts;
mod readiness;
mod tracked;
mod working;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use leptos::config::{Env, LeptosOptions, ReloadWSProtocol};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::Janitor;
use crate::api::{Limiter, RateLimits, Reach, SiteState, router};
use crate::batch::watch_clock;
use crate::changes::Changes;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::sql::SqlStore;
use crate::world::World;
use parts::{Parts, blobs, budget, database_url, gemini_client};
use readiness::Dependencies;
use tracked::Tracked;
use working::Working;

pub use demo::{Demo, serve_emulator};
pub use examine::examine;
pub use operator::{backup, delete_account, lock_out, reset_password, restore, set_quota};
pub use parts::engine;

/// A server that is put together: it listens and does not answer yet.
pub struct Server {
    router: Router,
    working: Option<Working>,
    janitor: Janitor,
    store: SqlStore,
    world: Arc<dyn World>,
    tracked: Tracked,
    changes: Changes,
    listener: TcpListener,
    silence_timeout: Duration,
    stop_timeout: Duration,
    is_demo: bool,
}

impl Server {
    /// Opens everything that the configuration names, to serve and to work on jobs.
    pub async fn open(config: &Config) -> Result<Self> {
        let parts = Parts::open(config).await?;
        let working = Working::open(&parts, config).await?;
        Self::over(parts, Some(working), config).await
    }

    /// The same, to serve only: other processes work on jobs.
    pub async fn open_without_worker(config: &Config) -> Result<Self> {
        Self::over(Parts::open(config).await?, None, config).await
    }

    async fn over(parts: Parts, working: Option<Working>, config: &Config) -> Result<Self> {
        parts.receiver.open().await?;
        let is_demo = config.gemini.api_key.is_none();
        let listener = TcpListener::bind(config.site.addr).await?;
        let reach = Reach {
            services: Arc::new(parts.services(config)),
            site: SiteState {
                options: leptos_options(config)?,
                demo: is_demo,
                public_url: config.site.public_url.clone(),
                silence_timeout: config.limits.silence_timeout,
                metrics_token: config.site.metrics_token.clone(),
            },
            changes: parts.changes.clone(),
            readiness: Arc::new(Dependencies {
                store: parts.store.clone(),
                tracked: parts.tracked.clone(),
                engine: parts.engine.clone(),
                blobs: parts.blobs.clone(),
                data_dir: config.storage.data_dir.clone(),
            }),
            limiter: limiter(config),
            provider: parts.provider(config, listener.local_addr()?)?,
            metrics: parts.metrics(config)?,
        };
        let janitor = parts.janitor(config);
        let Parts { store, world, tracked, changes, .. } = parts;
        Ok(Self {
            router: router(reach.into()),
            working,
            janitor,
            store,
            world,
            tracked,
            changes,
            listener,
            silence_timeout: config.limits.silence_timeout,
            stop_timeout: config.site.stop_timeout,
            is_demo,
        })
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
        if let Some(working) = self.working {
            background.spawn(working.run(stop.clone()));
        }
        background.spawn(self.tracked.run(stop.clone()));
        background.spawn(self.janitor.run(stop.clone()));
        background.spawn(watch_clock(Arc::new(self.store.clone()), self.world, stop.clone()));
        let (changes, stopped) = (self.changes, stop.clone());
        // A page that listens would keep the server from ever being done.
        let stopping = async move {
            stopped.cancelled().await;
            changes.close();
        };
        let serving = connections::serve(self.listener, self.router, self.silence_timeout, stopping);
        let overdue = async {
            stop.cancelled().await;
            tokio::time::sleep(self.stop_timeout).await;
        };
        tokio::select! {
            () = serving => {}
            () = overdue => tracing::warn!("requests that took too long were cut off"),
        }
        stop.cancel();
        background.close();
        background.wait().await;
        self.store.close().await;
        Ok(())
    }
}

/// Works on jobs until `stop`, and serves nobody.
pub async fn work(config: &Config, stop: CancellationToken) -> Result<()> {
    let parts = Parts::open(config).await?;
    let working = Working::open(&parts, config).await?;
    let clock = watch_clock(Arc::new(parts.store.clone()), parts.world.clone(), stop.clone());
    tokio::join!(working.run(stop.clone()), clock, parts.tracked.run(stop));
    parts.store.close().await;
    Ok(())
}

fn limiter(config: &Config) -> Limiter {
    let limits = RateLimits {
        reads: config.limits.reads_per_minute,
        changes: config.limits.changes_per_minute,
        entries: config.limits.entries_per_minute,
    };
    Limiter::new(limits, config.site.client_address_header.as_deref())
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
