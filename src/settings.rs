//! Reads settings. An environment variable takes precedence over the file, and the file over the default. All mistakes are reported at
//! once.
//!
//! This module defines no setting. Each module defines a struct of the settings that it uses, with a `read` that names every key, its
//! variable and its default. [`crate::serve::Config`] combines them, and is the only place where they are read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration;

use toml::{Table, Value};

/// All mistakes in a configuration, one line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has mistakes:\n  {}", .0.join("\n  "))]
pub struct SettingsError(pub Vec<String>);

impl From<String> for SettingsError {
    fn from(mistake: String) -> Self {
        Self(vec![mistake])
    }
}

/// A text that must not reach a log: its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// One second, for durations such as `20 * SECOND`.
pub const SECOND: Duration = Duration::from_secs(1);

/// Returns the value of a variable.
type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The file and the environment, from which settings are read. The key of a setting is `table.key`; the table `leptos` is
/// `[package.metadata.leptos]`. An empty value counts as absent.
pub struct Settings<'a> {
    file: Table,
    env: Box<Lookup<'a>>,
    /// The settings that were read: each key with its variable.
    known: BTreeMap<&'static str, &'static str>,
    retired: BTreeSet<&'static str>,
    mistakes: Vec<String>,
    warnings: Vec<String>,
}

impl<'a> Settings<'a> {
    /// Settings from the text of a file, and from variables that `env` looks up.
    ///
    /// # Errors
    /// The text is not TOML.
    pub fn new(file: &str, env: impl Fn(&str) -> Option<String> + 'a) -> Result<Self, SettingsError> {
        let mut file: Table = file.parse().map_err(|error| format!("Leptos.toml: {error}"))?;
        if let Some(leptos) = take_leptos(&mut file) {
            file.insert("leptos".into(), leptos);
        }
        let (mistakes, warnings) = (Vec::new(), Vec::new());
        Ok(Self { file, env: Box::new(env), known: BTreeMap::new(), retired: BTreeSet::new(), mistakes, warnings })
    }

    /// A setting with a default.
    pub fn value<T: FromStr<Err: Display>>(&mut self, key: &'static str, variable: &'static str, default: T) -> T {
        self.maybe(key, variable).unwrap_or(default)
    }

    /// A setting without a default.
    pub fn maybe<T: FromStr<Err: Display>>(&mut self, key: &'static str, variable: &'static str) -> Option<T> {
        let (origin, text) = self.look_up(key, variable)?;
        text.parse().map_err(|error| self.mistakes.push(format!("{origin} is “{text}”: {error}"))).ok()
    }

    /// A setting that can be `none`.
    pub fn or_none<T: FromStr<Err: Display>>(
        &mut self,
        key: &'static str,
        variable: &'static str,
        default: Option<T>,
    ) -> Option<T> {
        self.value(key, variable, OrNone(default)).0
    }

    /// A list, separated by commas or spaces. `None`: it is not set.
    pub fn list<T: FromStr<Err: Display>>(&mut self, key: &'static str, variable: &'static str) -> Option<Vec<T>> {
        let (origin, text) = self.look_up(key, variable)?;
        let items = text.split([',', ' ']).filter(|item| !item.is_empty());
        let mistakes = &mut self.mistakes;
        let mut read =
            |item: &str| item.parse().map_err(|error| mistakes.push(format!("{origin} has “{item}”: {error}"))).ok();
        Some(items.filter_map(&mut read).collect())
    }

    /// A setting for which `holds` must be true. `wish` says in the error what it must be.
    pub fn value_that<T: FromStr<Err: Display> + Clone>(
        &mut self,
        key: &'static str,
        variable: &'static str,
        default: T,
        wish: &str,
        holds: impl Fn(&T) -> bool,
    ) -> T {
        let value = self.value(key, variable, default.clone());
        if holds(&value) {
            return value;
        }
        self.complain(format!("{key} ({variable}) must be {wish}"));
        default
    }

    /// A number of at least 1.
    pub fn positive<T: FromStr<Err: Display> + Clone + PartialOrd + From<u8>>(
        &mut self,
        key: &'static str,
        variable: &'static str,
        default: T,
    ) -> T {
        self.value_that(key, variable, default, "at least 1", |number| *number >= T::from(1))
    }

    /// A share in percent, from 0 to 100.
    pub fn percent(&mut self, key: &'static str, variable: &'static str, default: u8) -> u8 {
        self.value_that(key, variable, default, "from 0 to 100", |percent| *percent <= 100)
    }

    /// A duration in milliseconds.
    pub fn millis(&mut self, key: &'static str, variable: &'static str, default: Duration) -> Duration {
        self.value(key, variable, Millis(default)).0
    }

    /// A duration in milliseconds, of at least 1.
    pub fn interval(&mut self, key: &'static str, variable: &'static str, default: Duration) -> Duration {
        self.value_that(key, variable, Millis(default), "longer than 0", |Millis(value)| !value.is_zero()).0
    }

    /// A URL with the scheme `http` or `https` and a host, if it is set.
    pub fn url(&mut self, key: &'static str, variable: &'static str) -> Option<String> {
        let text: String = self.maybe(key, variable)?;
        let is_valid =
            url::Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !is_valid {
            self.complain(format!("{key} ({variable}) must begin with https:// or http:// and a host"));
        }
        Some(text).filter(|_| is_valid)
    }

    /// A secret. The file that `<variable>_FILE` names takes precedence. A secret is never part of an error.
    pub fn secret(&mut self, key: &'static str, variable: &'static str) -> Option<Secret> {
        let direct = self.look_up(key, variable).map(|(_, text)| text);
        let Some(path) = (self.env)(&format!("{variable}_FILE")) else { return direct.map(Secret) };
        let from_file =
            std::fs::read_to_string(&path).map_err(|error| self.complain(format!("{variable}_FILE: {error}")));
        let from_file = from_file.ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        from_file.or(direct).map(Secret)
    }

    /// A URL that may contain a password, with one of these schemes.
    pub fn secret_url(&mut self, key: &'static str, variable: &'static str, schemes: &[&str]) -> Option<Secret> {
        let url = self.secret(key, variable)?;
        let is_valid = schemes.iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| rest.starts_with(':')));
        if !is_valid {
            self.complain(format!("{key} ({variable}) must begin with {}:", schemes.join(":, ")));
        }
        Some(url).filter(|_| is_valid)
    }

    /// A setting of earlier versions, which is ignored with a warning.
    pub fn retired(&mut self, key: &'static str, variable: &'static str) {
        self.retired.insert(key);
        if let Some((origin, _)) = self.find(key, variable) {
            self.warnings.push(format!("{origin} is no longer a setting and is ignored: remove it"));
        }
    }

    /// Reports a mistake, for example one that depends on several settings. The text must contain no secret.
    pub fn complain(&mut self, words: impl Into<String>) {
        self.mistakes.push(words.into());
    }

    /// Every setting that was read: each key with its variable.
    pub const fn known(&self) -> &BTreeMap<&'static str, &'static str> {
        &self.known
    }

    /// Ends the reading, and returns the warnings for the log.
    ///
    /// # Errors
    /// All mistakes. A key of the file that was not read is one.
    pub fn finish(mut self) -> Result<Vec<String>, SettingsError> {
        // cargo-leptos reads most keys of the table `leptos`.
        for (table, keys) in self.file.iter().filter(|(table, _)| *table != "leptos") {
            let keys = keys.as_table().map(|keys| keys.keys().map(|key| format!("{table}.{key}")).collect());
            for key in keys.unwrap_or_else(|| vec![table.clone()]) {
                if !self.known.contains_key(key.as_str()) && !self.retired.contains(key.as_str()) {
                    self.mistakes.push(format!("{key} is not a setting"));
                }
            }
        }
        if self.mistakes.is_empty() { Ok(self.warnings) } else { Err(SettingsError(self.mistakes)) }
    }

    fn look_up(&mut self, key: &'static str, variable: &'static str) -> Option<(String, String)> {
        self.known.insert(key, variable);
        self.find(key, variable)
    }

    /// The text of a setting, and the name of the variable or key that it comes from.
    fn find(&self, key: &str, variable: &str) -> Option<(String, String)> {
        let from_env = (self.env)(variable).map(|text| (variable.to_owned(), text));
        from_env.or_else(|| Some((key.to_owned(), self.in_file(key)?))).filter(|(_, text)| !text.is_empty())
    }

    fn in_file(&self, key: &str) -> Option<String> {
        let (table, key) = key.split_once('.')?;
        match self.file.get(table)?.as_table()?.get(key)? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

/// A duration, written in milliseconds.
#[derive(Clone)]
struct Millis(Duration);

impl FromStr for Millis {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(|ms| Self(Duration::from_millis(ms)))
    }
}

/// A value, or the word `none`.
struct OrNone<T>(Option<T>);

impl<T: FromStr> FromStr for OrNone<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|value| Self(Some(value))) }
    }
}

fn take_leptos(file: &mut Table) -> Option<Value> {
    let mut package = file.remove("package")?;
    package.as_table_mut()?.get_mut("metadata")?.as_table_mut()?.remove("leptos")
}
