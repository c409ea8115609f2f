//! The configuration, read once at start. It combines the structs of settings that other modules define and read.
//!
//! `Leptos.toml` documents each setting for the operator; tests compare every key, variable and default. No other module reads the file or
//! the environment, except for crash points and the development build of the site.

use std::path::Path;
use std::time::Duration;

use super::ServerSettings;
use super::connections::ConnectionLimits;
use super::demo::DemoTiming;
use super::engine;
use super::gemini::Gemini;
use super::storage::Storage;
use crate::accounts::spending::Budget;
use crate::accounts::{AccessPolicy, Allowances, AttemptLimits, ProviderSettings, SessionLifetimes};
use crate::api::{RateLimits, SiteSettings, StreamLimits};
use crate::documents::{RenderingLimits, TextLimit};
use crate::extract::EngineShares;
use crate::jobs::WorkerSettings;
use crate::model::Pricing;
use crate::retention::Retention;
use crate::settings::{Settings, SettingsError};
use crate::telemetry::traces::Collector;
use crate::uploads::fetch::{ImportLimits, Targets};
use crate::uploads::{IncomingLimits, Receiver};
use coldbrew_pdf::EngineConfig;

/// Time for two checks of a load balancer that checks every two seconds. A private server has no load balancer.
const LAME_DUCK: Duration = Duration::from_secs(5);

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub server: ServerSettings,
    pub site: SiteSettings,
    pub connections: ConnectionLimits,
    pub rates: RateLimits,
    pub streams: StreamLimits,
    pub storage: Storage,
    pub gemini: Gemini,
    pub demo: DemoTiming,
    pub pricing: Pricing,
    pub budget: Budget,
    pub worker: WorkerSettings,
    pub engine: EngineConfig,
    pub shares: EngineShares,
    pub incoming: IncomingLimits,
    pub receiver: Receiver,
    pub imports: ImportLimits,
    pub targets: Targets,
    pub rendering: RenderingLimits,
    pub text_limit: TextLimit,
    pub allowances: Allowances,
    pub access: AccessPolicy,
    pub attempts: AttemptLimits,
    pub sessions: SessionLifetimes,
    /// The most stored answers of an account to requests with an `Idempotency-Key`.
    pub idempotency_keys_max: u32,
    pub retention: Retention,
    /// The OpenID Connect provider, if there is one.
    pub provider: Option<ProviderSettings>,
    /// The collector of traces, if there is one.
    pub collector: Option<Collector>,
    /// How long the server answers requests after it was asked to stop, so that load balancers notice it.
    pub lame_duck: Duration,
    /// Whether guests have the allowances of members: in demo mode, and on a server that only its own machine can reach.
    pub guests_are_owners: bool,
    /// Warnings for the log, which starts after the configuration is read.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads the configuration of this process: the file that `COLDBREW_CONFIG` names (default `./Leptos.toml`, if it exists) and the
    /// environment.
    ///
    /// # Errors
    /// All mistakes in it, or the error of reading the file.
    pub fn load() -> Result<Self, SettingsError> {
        let env = |name: &str| std::env::var(name).ok();
        let read_file = |path: &str| std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
        let text = match env("COLDBREW_CONFIG") {
            Some(path) => read_file(&path)?,
            None if Path::new("Leptos.toml").exists() => read_file("Leptos.toml")?,
            None => String::new(),
        };
        Self::read(&text, env)
    }

    /// Reads a configuration from the text of a file, and from variables that `env` looks up.
    ///
    /// # Errors
    /// All mistakes in it.
    pub fn read(file: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut settings = Settings::new(file, env)?;
        let config = Self::read_all(&mut settings);
        Ok(Self { warnings: settings.finish()?, ..config })
    }

    fn read_all(from: &mut Settings) -> Self {
        let (server, site, gemini) = (ServerSettings::read(from), SiteSettings::read(from), Gemini::read(from));
        let (storage, engine, demo) = (Storage::read(from), engine::read(from), gemini.is_demo());
        let guests_are_owners = demo || (server.addr.ip().is_loopback() && site.public_url.is_none());
        let lame_duck = if guests_are_owners { Duration::ZERO } else { LAME_DUCK };
        from.retired("batch.polls-max", "COLDBREW_POLLS_MAX");
        from.retired("limits.password-queue-max", "COLDBREW_PASSWORD_QUEUE_MAX");
        from.retired("rendering.page-timeout-ms", "COLDBREW_RENDERING_PAGE_TIMEOUT_MS");
        Self {
            connections: ConnectionLimits::read(from),
            rates: RateLimits::read(from),
            streams: StreamLimits::read(from),
            demo: DemoTiming::read(from),
            pricing: pricing(from),
            budget: Budget::read(from, demo),
            worker: WorkerSettings::read(from, demo, server.stop_timeout),
            shares: EngineShares::read(from, engine.workers_max, guests_are_owners),
            incoming: IncomingLimits::read(from),
            receiver: Receiver::read(from, &storage.data_dir),
            imports: ImportLimits::read(from, guests_are_owners),
            targets: Targets::read(from, site.public_url.as_deref()),
            rendering: RenderingLimits::read(from),
            text_limit: TextLimit::read(from),
            allowances: Allowances::read(from, guests_are_owners),
            access: AccessPolicy::read(from, guests_are_owners),
            attempts: AttemptLimits::read(from),
            sessions: SessionLifetimes::read(from),
            idempotency_keys_max: from.positive("limits.idempotency-keys-max", "COLDBREW_IDEMPOTENCY_KEYS_MAX", 1_000),
            retention: Retention::read(from),
            provider: ProviderSettings::read(from),
            collector: Collector::read(from),
            lame_duck: from.millis("site.lame-duck-ms", "COLDBREW_LAME_DUCK_MS", lame_duck),
            guests_are_owners,
            warnings: Vec::new(),
            server,
            site,
            storage,
            gemini,
            engine,
        }
    }
}

/// Reads the prices here, because `crate::model` is also compiled for the browser and reads no settings.
fn pricing(from: &mut Settings) -> Pricing {
    let usual = Pricing::default();
    let is_share = |percent: &u64| (1..=100).contains(percent);
    Pricing {
        output_multiplier: from.positive(
            "quota.output-multiplier",
            "COLDBREW_OUTPUT_MULTIPLIER",
            usual.output_multiplier,
        ),
        batch_percent: from.value_that(
            "quota.batch-percent",
            "COLDBREW_BATCH_PERCENT",
            usual.batch_percent,
            "from 1 to 100",
            is_share,
        ),
    }
}

#[cfg(test)]
mod tests;
