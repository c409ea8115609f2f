//! What an operator can set, read once at start: the sum of the structs of settings, each of which its own module defines and reads.
//!
//! The annotated `Leptos.toml` says the same to the operator; a test compares every key, variable and default. Nothing else reads the
//! environment or the file.

use std::path::Path;

use super::ServerSettings;
use super::connections::ConnectionLimits;
use super::demo::DemoTiming;
use super::engine;
use super::gemini::Gemini;
use super::storage::Storage;
use crate::accounts::spending::Budget;
use crate::accounts::{Allowances, AttemptLimits, ProviderSettings, SessionLifetimes};
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
    pub attempts: AttemptLimits,
    pub sessions: SessionLifetimes,
    /// Answers that are kept of an account for requests with an `Idempotency-Key`.
    pub idempotency_keys_max: u32,
    pub retention: Retention,
    /// The OpenID Connect provider, if there is one.
    pub provider: Option<ProviderSettings>,
    /// Where traces go, if they go anywhere.
    pub collector: Option<Collector>,
    /// In demo mode, and on a server that only its own machine can reach, a guest is the person who runs it.
    pub guests_are_owners: bool,
    /// For the log, which starts later.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads the configuration of this process: the file that `COLDBREW_CONFIG` names (default `./Leptos.toml`, if it is
    /// there) and the environment.
    ///
    /// # Errors
    /// Every mistake in it.
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

    /// Reads a configuration from the text of a file and a way to look up variables.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn read(file: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut settings = Settings::new(file, env)?;
        let config = Self::read_all(&mut settings);
        Ok(Self { warnings: settings.finish()?, ..config })
    }

    fn read_all(from: &mut Settings) -> Self {
        let (server, site, gemini) = (ServerSettings::read(from), SiteSettings::read(from), Gemini::read(from));
        let (storage, engine, demo) = (Storage::read(from), engine::read(from), gemini.is_demo());
        let guests_are_owners = demo || (server.addr.ip().is_loopback() && site.public_url.is_none());
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
            worker: WorkerSettings::read(from, demo),
            shares: EngineShares::read(from, engine.workers_max, guests_are_owners),
            incoming: IncomingLimits::read(from),
            receiver: Receiver::read(from, &storage.data_dir),
            imports: ImportLimits::read(from, guests_are_owners),
            targets: Targets::read(from, site.public_url.as_deref()),
            rendering: RenderingLimits::read(from),
            text_limit: TextLimit::read(from),
            allowances: Allowances::read(from, guests_are_owners),
            attempts: AttemptLimits::read(from),
            sessions: SessionLifetimes::read(from),
            idempotency_keys_max: from.positive("limits.idempotency-keys-max", "COLDBREW_IDEMPOTENCY_KEYS_MAX", 1_000),
            retention: Retention::read(from),
            provider: ProviderSettings::read(from),
            collector: Collector::read(from),
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

/// The model reads no settings: it is also the browser's.
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
