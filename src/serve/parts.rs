//! Makes use cases, and the parts that they share with workers, from the configuration.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Config;
use super::readiness::Dependencies;
use super::tracked::Tracked;
use crate::accounts::{Identity, Membership, Operators, PasswordAttempts, Passwords, Provider, Quota};
use crate::api::{Examination, Examined, Idempotency, UseCases};
use crate::changes::Changes;
use crate::clock::{Clock, IdGenerator, IdsByClock, RandomIds, SystemClock};
use crate::documents::{Drafts, Library, Originals, Renderer};
use crate::error::{Error, Result};
use crate::extract::Recipe;
use crate::jobs::{DiskSpool, Jobs, SubmissionPolicy, SubmissionPorts, Submissions};
use crate::metrics::LoopAges;
use crate::operations::{DatabaseClock, Metrics};
use crate::retention::{AccountDeletion, AccountMerge, DeletedAccounts, Purger};
use crate::store::sql::SqlStore;
use crate::uploads::fetch::{Fetcher, Imports, SystemResolver};
use crate::uploads::{Blobs, Incoming, Intake, Receiver};
use coldbrew_pdf::Engine;

/// The time of the database, which the processes of a site share, and ids in its order.
pub(super) struct SharedTime {
    /// Measures the database's time. Its `run` must run as long as the process does.
    pub(super) database: Arc<DatabaseClock>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn IdGenerator>,
}

impl SharedTime {
    /// Measures the time of this database.
    ///
    /// # Errors
    /// The database does not answer.
    pub(super) async fn of(store: &SqlStore) -> Result<Self> {
        let database = Arc::new(DatabaseClock::new(Arc::new(store.clone()), Arc::new(SystemClock)));
        database.measure().await?;
        // The clock of an embedded database is that of this machine, which shows a jump at once.
        let clock: Arc<dyn Clock> = if store.is_embedded() { Arc::new(SystemClock) } else { database.clone() };
        Ok(Self { database, ids: Arc::new(IdsByClock::new(clock.clone())), clock })
    }
}

/// What use cases and workers share.
pub(super) struct Parts {
    pub(super) store: SqlStore,
    pub(super) tracked: Tracked,
    pub(super) blobs: Arc<dyn Blobs>,
    pub(super) deleted: DeletedAccounts,
    pub(super) spool: DiskSpool,
    pub(super) engine: Engine,
    pub(super) time: SharedTime,
    pub(super) bell: Arc<Notify>,
    pub(super) changes: Changes,
    pub(super) incoming: Incoming,
    /// The loops of this process.
    pub(super) loops: LoopAges,
}

impl Parts {
    /// Opens everything that the configuration names.
    ///
    /// # Errors
    /// The database, a folder, the store of files or the page engine cannot be used.
    pub(super) async fn open(config: &Config) -> Result<Self> {
        let data_dir = &config.storage.data_dir;
        tokio::fs::create_dir_all(data_dir).await?;
        let store = config.storage.store().await?;
        let (changes, bell) = (Changes::default(), Arc::new(Notify::new()));
        let loops = LoopAges::default();
        Ok(Self {
            blobs: config.storage.blobs().await?,
            deleted: DeletedAccounts::of(data_dir),
            spool: DiskSpool::open(data_dir.join("spool")).await?,
            tracked: Tracked::open(config, &store, &changes, &bell, &loops, RandomIds.id())?,
            engine: engine(config)?,
            incoming: config.storage.incoming(config.incoming),
            time: SharedTime::of(&store).await?,
            store,
            bell,
            changes,
            loops,
        })
    }

    pub(super) fn jobs(&self) -> Arc<dyn Jobs> {
        self.tracked.jobs()
    }

    pub(super) fn use_cases(&self, config: &Config, receiver: &Receiver) -> UseCases {
        let store = Arc::new(self.store.clone());
        let (clock, ids, recipe) = (self.time.clock.clone(), self.time.ids.clone(), Recipe::new(&config.gemini.model));
        UseCases {
            identity: Identity {
                store: store.clone(),
                guest_quota: config.budget.guest_quota_tokens,
                access: config.access.clone(),
                clock: clock.clone(),
                ids: ids.clone(),
            },
            membership: membership(config, &self.store, &self.time, self.changes.clone()),
            operators: operators(config, &self.store, &self.time, self.changes.clone()),
            deletion: self.deletion(),
            merge: AccountMerge {
                credentials: store.clone(),
                merges: store.clone(),
                blobs: self.blobs.clone(),
                changes: self.changes.clone(),
                clock: clock.clone(),
            },
            quota: Quota { accounts: store.clone(), default_tokens: config.budget.quota_tokens },
            intake: Intake {
                incoming: self.incoming.clone(),
                receiver: receiver.clone(),
                fetcher: Fetcher {
                    resolver: Arc::new(SystemResolver),
                    targets: config.targets.clone(),
                    imports: Imports::new(config.imports),
                    clock: clock.clone(),
                    receiver: receiver.clone(),
                },
                storage: store.clone(),
                uploads: store.clone(),
                blobs: self.blobs.clone(),
                engine: self.engine.clone(),
                shares: config.shares,
                recipe: recipe.clone(),
                pricing: config.pricing,
                allowances: config.allowances,
                clock: clock.clone(),
                ids: ids.clone(),
            },
            submissions: Submissions {
                clock: clock.clone(),
                ids: ids.clone(),
                ports: SubmissionPorts {
                    uploads: store.clone(),
                    jobs: self.jobs(),
                    spending: store.clone(),
                    documents: store.clone(),
                    storage: store.clone(),
                    blobs: self.blobs.clone(),
                    engine: self.engine.clone(),
                    spool: self.spool.clone(),
                    changes: self.changes.clone(),
                    bell: self.bell.clone(),
                },
                policy: SubmissionPolicy {
                    recipe,
                    models: config.gemini.models.clone(),
                    pricing: config.pricing,
                    budget: config.budget,
                    allowances: config.allowances,
                    access: config.access.clone(),
                    shares: config.shares,
                    text_limit: config.text_limit,
                },
            },
            library: Library {
                uploads: store.clone(),
                engine: self.engine.clone(),
                shares: config.shares,
                originals: Originals::new(self.engine.clone()),
                drafts: Drafts::default(),
                renderer: Renderer::new(config.rendering),
                text_limit: config.text_limit,
                clock: clock.clone(),
                ids: ids.clone(),
                documents: store.clone(),
                figures: store.clone(),
                jobs: self.jobs(),
                blobs: self.blobs.clone(),
                changes: self.changes.clone(),
            },
            idempotency: Idempotency { keys: store, keys_max: config.idempotency_keys_max, clock: clock.clone() },
            clock,
        }
    }

    fn deletion(&self) -> AccountDeletion {
        AccountDeletion {
            accounts: Arc::new(self.store.clone()),
            deleted: self.deleted.clone(),
            changes: self.changes.clone(),
            clock: self.time.clock.clone(),
        }
    }

    /// The OpenID Connect provider, if the configuration names one. Without a public URL, its redirect URL has `addr`, the address of this
    /// server.
    pub(super) fn provider(&self, config: &Config, addr: SocketAddr) -> Result<Option<Provider>> {
        let own = config.site.public_url.clone().unwrap_or_else(|| format!("http://{addr}"));
        let redirect_url = format!("{}/sign-in/provider/callback", own.trim_end_matches('/'));
        let provider = config.provider.clone();
        let (clock, ids) = (self.time.clock.clone(), self.time.ids.clone());
        provider.map(|provider| Provider::new(provider, redirect_url, clock, ids)).transpose()
    }

    fn metrics(&self, config: &Config) -> Result<Metrics> {
        let store = Arc::new(self.store.clone());
        Metrics::start(store.clone(), store, config.budget, self.loops.clone(), self.time.clock.clone())
    }

    /// What `/healthz`, `/readyz` and `/metrics` report. From `stopping` on, this process is not ready.
    pub(super) fn examination(&self, config: &Config, stopping: CancellationToken) -> Result<Arc<Examination>> {
        let dependencies = Dependencies {
            store: self.store.clone(),
            tracked: self.tracked.clone(),
            engine: self.engine.clone(),
            blobs: self.blobs.clone(),
            incoming: self.incoming.clone(),
            data_dir: config.storage.data_dir.clone(),
        };
        let examined = Examined {
            readiness: Arc::new(dependencies),
            metrics: self.metrics(config)?,
            loops: self.loops.clone(),
            stopping,
            metrics_token: config.server.metrics_token.clone(),
        };
        Ok(Arc::new(Examination::new(examined, self.time.clock.clone())))
    }

    pub(super) fn purger(&self, config: &Config) -> Purger {
        let store = Arc::new(self.store.clone());
        Purger {
            deletion: self.deletion(),
            attempts: attempts(config, &self.store, &self.time),
            expiry: store.clone(),
            purges: store.clone(),
            uploads: store,
            blobs: self.blobs.clone(),
            clock: self.time.clock.clone(),
            retention: config.retention,
            loops: self.loops.clone(),
        }
    }
}

/// The use cases of members: sign-up, sign-in, passwords and tokens.
pub(super) fn membership(config: &Config, store: &SqlStore, time: &SharedTime, changes: Changes) -> Membership {
    let shared = Arc::new(store.clone());
    Membership {
        members: shared.clone(),
        credentials: shared.clone(),
        accounts: shared,
        passwords: Passwords::default(),
        attempts: attempts(config, store, time),
        lifetimes: config.sessions,
        access: config.access.clone(),
        changes,
        clock: time.clock.clone(),
        ids: time.ids.clone(),
    }
}

/// What operators can do.
pub(super) fn operators(config: &Config, store: &SqlStore, time: &SharedTime, changes: Changes) -> Operators {
    Operators {
        records: Arc::new(store.clone()),
        budget: config.budget,
        models: config.gemini.models.clone(),
        model: config.gemini.model.clone(),
        changes,
        clock: time.clock.clone(),
        ids: time.ids.clone(),
    }
}

fn attempts(config: &Config, store: &SqlStore, time: &SharedTime) -> PasswordAttempts {
    PasswordAttempts { store: Arc::new(store.clone()), limits: config.attempts, clock: time.clock.clone() }
}

/// The use case that deletes an account, without a server. The purge of its files is left to the next server.
pub(super) fn deletion(store: &SqlStore, config: &Config, time: &SharedTime, changes: Changes) -> AccountDeletion {
    AccountDeletion {
        accounts: Arc::new(store.clone()),
        deleted: DeletedAccounts::of(&config.storage.data_dir),
        changes,
        clock: time.clock.clone(),
    }
}

/// The page engine that the configuration describes.
///
/// # Errors
/// The engine cannot start a thread.
pub fn engine(config: &Config) -> Result<Engine> {
    Engine::new(config.engine.clone()).map_err(Error::internal)
}
