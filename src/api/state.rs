//! The state that handlers get: use cases, ports and settings of the site.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use axum::http::{HeaderMap, header};
use leptos::prelude::LeptosOptions;

use super::client_address::Proxies;
use super::examination::Examination;
use super::host::Hosts;
use super::idempotency::Idempotency;
use super::limit::Limiter;
use super::streams::Streams;
use crate::accounts::Provider;
use crate::accounts::{Identity, Membership, Operators, Quota};
use crate::changes::Changes;
use crate::clock::Clock;
use crate::documents::Library;
use crate::jobs::Submissions;
use crate::retention::{AccountDeletion, AccountMerge};
use crate::settings::{SECOND, Settings};
use crate::uploads::Intake;

/// A cheap handle of [`AppState`], because axum clones the state many times for each request.
#[derive(Clone)]
pub struct ApiState(Arc<AppState>);

impl From<AppState> for ApiState {
    fn from(state: AppState) -> Self {
        Self(Arc::new(state))
    }
}

impl Deref for ApiState {
    type Target = AppState;

    fn deref(&self) -> &AppState {
        &self.0
    }
}

/// Everything that handlers use.
pub struct AppState {
    pub services: Arc<UseCases>,
    pub site: SiteState,
    pub changes: Changes,
    pub examination: Arc<Examination>,
    pub streams: Streams,
    pub limiter: Limiter,
    /// The sign-in provider, if one is configured.
    pub provider: Option<Provider>,
}

/// The use cases that the REST API and the web app call.
#[derive(Clone)]
pub struct UseCases {
    pub identity: Identity,
    pub membership: Membership,
    pub operators: Operators,
    pub deletion: AccountDeletion,
    pub merge: AccountMerge,
    pub quota: Quota,
    pub intake: Intake,
    pub submissions: Submissions,
    pub library: Library,
    pub idempotency: Idempotency,
    pub clock: Arc<dyn Clock>,
}

/// How the site is served.
#[derive(Clone)]
pub struct SiteState {
    pub options: LeptosOptions,
    /// There is no Gemini key, so the built-in emulator reads the pages.
    pub demo: bool,
    /// `/readyz` and `/metrics` are only on the operator's listener.
    pub separate_operations: bool,
    pub settings: SiteSettings,
}

/// Settings of the site: its address, its hosts, its proxies, and time limits.
#[derive(Clone, Debug)]
pub struct SiteSettings {
    /// The public address, if it is configured. With `https://`, cookies are marked secure.
    pub public_url: Option<String>,
    /// Idle timeout for request bodies.
    pub silence_timeout: Duration,
    /// Time limit for a whole upload.
    pub upload_timeout: Duration,
    /// The host names that requests may use.
    pub hosts: Hosts,
    pub proxies: Proxies,
}

impl SiteSettings {
    pub fn read(from: &mut Settings) -> Self {
        let public_url = from.url("site.public-url", "COLDBREW_PUBLIC_URL");
        Self {
            silence_timeout: from.interval("limits.silence-timeout-ms", "COLDBREW_SILENCE_TIMEOUT_MS", 30 * SECOND),
            upload_timeout: from.interval("limits.upload-timeout-ms", "COLDBREW_UPLOAD_TIMEOUT_MS", 1_800 * SECOND),
            hosts: Hosts::read(from, public_url.as_deref()),
            proxies: Proxies::read(from),
            public_url,
        }
    }
}

impl SiteState {
    /// The public address of this site, or else the one in the request's `Host` header.
    pub fn origin(&self, headers: &HeaderMap) -> String {
        if let Some(url) = &self.settings.public_url {
            return url.trim_end_matches('/').to_owned();
        }
        let is_plain = |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).filter(is_plain);
        host.map_or_else(String::new, |host| format!("http://{host}"))
    }

    /// Whether browsers use HTTPS to reach the site.
    pub fn https(&self) -> bool {
        self.settings.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}

impl FromRef<ApiState> for Arc<Examination> {
    fn from_ref(state: &ApiState) -> Self {
        state.examination.clone()
    }
}

impl FromRef<ApiState> for LeptosOptions {
    fn from_ref(state: &ApiState) -> Self {
        state.site.options.clone()
    }
}
