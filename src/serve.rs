//! Combines use cases, adapters and listeners, and runs them. Only this module chooses adapters.
//!
//! [`Server`] serves HTTP and runs jobs; [`work`] only runs jobs. [`Config`] combines all settings. `parts` makes use cases from it,
//! `connections` accepts connections, `site` adds the web app, and `operator` has the commands that change data. No rule of the product is
//! here: rules belong to the use cases.

mod background;
mod backup;
mod config;
mod connections;
mod demo;
mod engine;
mod examine;
mod gemini;
mod isolated;
mod local_files;
mod operator;
mod parts;
mod readiness;
mod site;
mod storage;
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

use crate::accounts::Identity;
use crate::api::{
    ApiState, AppState, Limiter, RequestCounts, SiteState, Streams, operations_router, router, worker_router,
};
use crate::changes::Changes;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::operations::DatabaseClock;
use crate::retention::Purger;
use crate::settings::{SECOND, Secret, Settings};
use crate::store::sql::SqlStore;
use crate::store::tracking::RedisCounts;
use crate::web;
use background::{Background, overdue};
use coldbrew_pdf::Engine;
use connections::Listener;
use local_files::LocalFiles;
use operator::warn_without_operator;
use parts::Parts;
use tracked::Tracked;
use working::Working;

pub use backup::{Restored, backup, restore};
pub use config::Config;
pub use demo::{Demo, serve_emulator};
pub use examine::examine;
pub use gemini::models_report;
pub use isolated::hold_job;
pub use operator::{
    delete_account, invite, list_people, lock_out, make_operator, person_line, remove_operator, reset_link,
    reset_password, set_disabled, set_quota,
};
pub use parts::engine;

/// Where the server listens, and how it stops.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    pub addr: SocketAddr,
    /// The address of `/readyz` and `/metrics`. `None`: `addr`.
    pub operations_addr: Option<SocketAddr>,
    /// The address of a worker's `/healthz`, `/readyz` and `/metrics`. `None`: a worker does not listen.
    pub worker_addr: Option<SocketAddr>,
    /// The bearer token that `/metrics` requires, if one is configured.
    pub metrics_token: Option<Secret>,
    /// The folder of the built site.
    pub site_root: PathBuf,
    /// How long running requests may take to end after the server was asked to stop.
    pub stop_timeout: Duration,
}

impl ServerSettings {
    fn read(from: &mut Settings) -> Self {
        Self {
            addr: from.value("leptos.site-addr", "LEPTOS_SITE_ADDR", SocketAddr::from(([127, 0, 0, 1], 3000))),
            operations_addr: from.maybe("site.operations-addr", "COLDBREW_OPERATIONS_ADDR"),
            worker_addr: from.maybe("site.worker-addr", "COLDBREW_WORKER_ADDR"),
            metrics_token: from.secret("site.metrics-token", "COLDBREW_METRICS_TOKEN"),
            site_root: from.value("leptos.site-root", "LEPTOS_SITE_ROOT", PathBuf::from("target/site")),
            stop_timeout: from.millis("site.stop-timeout-ms", "COLDBREW_STOP_TIMEOUT_MS", 20 * SECOND),
        }
    }
}

/// A server that listens and does not answer yet.
pub struct Server {
    public: Listener,
    /// The listener for the operator, if it has an address of its own.
    operations: Option<Listener>,
    working: Option<Working>,
    purger: Purger,
    local_files: LocalFiles,
    limiter: Limiter,
    streams: Streams,
    identity: Identity,
    store: SqlStore,
    clock: Arc<DatabaseClock>,
    tracked: Tracked,
    changes: Changes,
    engine: Engine,
    /// Cancelled when the server was asked to stop.
    stopping: CancellationToken,
    lame_duck: Duration,
    stop_timeout: Duration,
    is_demo: bool,
}

impl Server {
    /// Opens everything that the configuration names, to serve HTTP and to run jobs.
    ///
    /// # Errors
    /// An address, the database, a folder or another part of the configuration cannot be used.
    pub async fn open(config: &Config) -> Result<Self> {
        let parts = Parts::open(config).await?;
        let working = Working::open(&parts, config).await?;
        Self::with_parts(parts, Some(working), config).await
    }

    /// The same, to serve HTTP only: other processes run the jobs.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_without_worker(config: &Config) -> Result<Self> {
        Self::with_parts(Parts::open(config).await?, None, config).await
    }

    async fn with_parts(parts: Parts, working: Option<Working>, config: &Config) -> Result<Self> {
        let receiver = config.receiver.open().await?;
        let public = TcpListener::bind(config.server.addr).await?;
        let operations = match config.server.operations_addr {
            Some(addr) => Some(TcpListener::bind(addr).await?),
            None => None,
        };
        let stopping = CancellationToken::new();
        let use_cases = parts.use_cases(config, &receiver);
        let (limiter, streams) = (limiter(config, parts.time.clock.clone())?, Streams::new(config.streams));
        let identity = use_cases.identity.clone();
        warn_without_operator(config, &use_cases.operators).await?;
        let state = ApiState::from(AppState {
            services: Arc::new(use_cases),
            site: site_state(config)?,
            changes: parts.changes.clone(),
            examination: parts.examination(config, stopping.clone())?,
            streams: streams.clone(),
            limiter: limiter.clone(),
            provider: parts.provider(config, public.local_addr()?)?,
        });
        let operations = operations.map(|socket| listener(config, socket, operations_router(state.clone())));
        let (purger, local_files) = (parts.purger(config), LocalFiles::of(&parts, receiver));
        let Parts { store, time, tracked, changes, engine, .. } = parts;
        Ok(Self {
            public: listener(config, public, router(state.clone(), |rest| site::routes(web::routes(rest), &state))),
            operations,
            working,
            purger,
            local_files,
            limiter,
            streams,
            identity,
            store,
            clock: time.database,
            tracked,
            changes,
            engine,
            stopping,
            lame_duck: config.lame_duck,
            stop_timeout: config.server.stop_timeout,
            is_demo: config.gemini.is_demo(),
        })
    }

    /// Runs jobs that are suspected of crashing their worker in processes of their own, from the executable `program`.
    pub fn isolate_suspected_jobs(&mut self, program: PathBuf) {
        if let Some(working) = &mut self.working {
            working.isolate(program);
        }
    }

    /// The address of the public listener.
    ///
    /// # Errors
    /// The operating system does not report it.
    pub fn addr(&self) -> Result<SocketAddr> {
        Ok(self.public.socket.local_addr()?)
    }

    /// A line for the terminal, with the address of the server and whether it runs in demo mode.
    ///
    /// # Errors
    /// As [`Self::addr`].
    pub fn greeting(&self) -> Result<String> {
        let demo = if self.is_demo { " (demo mode: no Gemini key, the built-in emulator reads pages)" } else { "" };
        Ok(format!("Coldbrew is ready at http://{}{demo}", self.addr()?))
    }

    /// Serves HTTP and runs jobs until `stop`. Then tasks of jobs may end within the stop timeout, claims are handed back, and `/readyz` answers
    /// 503. Load balancers notice that while the server is a lame duck, which answers requests as before. After that, running requests may end
    /// within the stop timeout.
    ///
    /// # Errors
    /// Something did not end soon after the stop timeout. Failures while serving are logged.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        let (mut background, closing) = (Background::new(&stop), CancellationToken::new());
        background
            .spawn("lame duck", close_after(self.lame_duck, stop.clone(), self.stopping.clone(), closing.clone()));
        if let Some(working) = self.working {
            working.start(&mut background, &stop);
        }
        background.spawn("page processes", start_page_processes(self.engine));
        background.spawn("copy in Redis", self.tracked.run(closing.clone()));
        background.spawn("purger", self.purger.run(stop.clone()));
        background.spawn("local files", self.local_files.run(stop.clone()));
        background.spawn("rate limits", self.limiter.run(closing.clone()));
        background.spawn("event streams", self.streams.run(self.identity, closing.clone()));
        background.spawn("clock", self.clock.run(closing.clone()));
        let (changes, closed) = (self.changes, closing.clone());
        // An open event stream never ends by itself, so the server would not stop.
        let end = async move {
            closed.cancelled().await;
            changes.close();
        };
        let operations = async {
            if let Some(listener) = self.operations {
                listener.serve(self.stopping.clone(), closing.cancelled()).await;
            }
        };
        let serving = async { tokio::join!(self.public.serve(self.stopping.clone(), end), operations) };
        tokio::select! {
            ((), ()) = serving => {}
            () = overdue(&closing, self.stop_timeout) => tracing::warn!("stop timeout reached, running requests cut off"),
        }
        stop.cancel();
        background.end(&self.store, &closing, self.stop_timeout).await
    }
}

/// Makes the server a lame duck at `stop`, and closes it after `lame_duck`.
async fn close_after(
    lame_duck: Duration,
    stop: CancellationToken,
    stopping: CancellationToken,
    closing: CancellationToken,
) {
    stop.cancelled().await;
    stopping.cancel();
    tracing::info!(lame_duck_ms = lame_duck.as_millis(), "asked to stop: not ready, but still answering requests");
    tokio::time::sleep(lame_duck).await;
    closing.cancel();
}

/// Runs jobs until `stop`. It serves no HTTP but its own health, at the worker's address if there is one.
///
/// # Errors
/// The database, a folder or another part of the configuration cannot be used. Something did not end soon after the stop timeout.
pub async fn work(config: &Config, stop: CancellationToken) -> Result<()> {
    let opening = async {
        let parts = Parts::open(config).await?;
        let working = Working::open(&parts, config).await?;
        Ok::<_, Error>((parts, working))
    };
    let Some(opened) = stop.run_until_cancelled(opening).await else { return Ok(()) };
    let (parts, working) = opened?;
    let mut background = Background::new(&stop);
    if let Some(addr) = config.server.worker_addr {
        let examination = parts.examination(config, stop.clone())?;
        let health = listener(config, TcpListener::bind(addr).await?, worker_router(examination));
        background.spawn("health", health.serve(stop.clone(), stop.clone().cancelled_owned()));
    }
    working.start(&mut background, &stop);
    background.spawn("clock", parts.time.database.clone().run(stop.clone()));
    background.spawn("copy in Redis", parts.tracked.clone().run(stop.clone()));
    background.spawn("page processes", start_page_processes(parts.engine.clone()));
    background.spawn("local files", LocalFiles::of(&parts, config.receiver.clone()).run(stop.clone()));
    stop.cancelled().await;
    background.end(&parts.store, &stop, config.server.stop_timeout).await
}

/// Runs the missing migrations of the database, and nothing else.
///
/// # Errors
/// The database does not answer, a migration fails, or the settings name a pooler.
pub async fn migrate(config: &Config) -> Result<()> {
    tokio::fs::create_dir_all(&config.storage.data_dir).await?;
    config.storage.migrate().await
}

/// Starts page processes before they are needed, and logs once what confines them.
async fn start_page_processes(engine: Engine) {
    match engine.start_ahead().await {
        Ok(layers) if layers.required_missing().is_empty() => tracing::info!(%layers, "page processes are confined"),
        Ok(layers) => tracing::warn!(%layers, "page processes are confined only as far as this kernel can"),
        Err(error) => tracing::error!(%error, "no page can be read"),
    }
}

fn listener(config: &Config, socket: TcpListener, router: Router) -> Listener {
    Listener {
        socket,
        router,
        limits: config.connections,
        proxies: config.site.proxies.clone(),
        silence_timeout: config.site.silence_timeout,
    }
}

/// Counts requests in this process and, with Redis, of all servers together.
fn limiter(config: &Config, clock: Arc<dyn Clock>) -> Result<Limiter> {
    let shared = match &config.storage.redis_url {
        Some(url) => Some(Arc::new(RedisCounts::open(url, config.rates)?) as Arc<dyn RequestCounts>),
        None => None,
    };
    Ok(Limiter::new(&config.rates, shared, clock))
}

fn site_state(config: &Config) -> Result<SiteState> {
    Ok(SiteState {
        options: leptos_options(config)?,
        demo: config.gemini.is_demo(),
        separate_operations: config.server.operations_addr.is_some(),
        settings: config.site.clone(),
    })
}

fn leptos_options(config: &Config) -> Result<LeptosOptions> {
    let root = std::path::absolute(&config.server.site_root)?;
    let names = site_names(&root)?;
    Ok(LeptosOptions::builder()
        .output_name("coldbrew")
        .site_root(root.to_string_lossy())
        .site_pkg_dir("pkg")
        .env(Env::PROD)
        .site_addr(config.server.addr)
        .reload_ws_protocol(ReloadWSProtocol::WS)
        // An absolute path is used unchanged.
        .hash_file(names.to_string_lossy().into_owned().into())
        .hash_files(true)
        .build())
}

/// The file with the hashes in the names of the site's files. cargo-leptos and `cargo xtask site` put it beside the executable; an
/// installed program has it in the folder of the site.
fn site_names(root: &std::path::Path) -> Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("hash.txt");
    let candidates = [beside, root.join("hash.txt")];
    let found = candidates.into_iter().find(|path| path.exists());
    found.ok_or_else(|| Error::internal(format!("there is no site in {}: run `cargo xtask site`", root.display())))
}
