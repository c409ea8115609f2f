//! Looks settings up, variables before file before default, and collects every mistake on the way.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use toml::{Table, Value};

/// Everything that is wrong with a configuration, a line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has mistakes:\n  {}", .0.join("\n  "))]
pub struct ConfigError(pub Vec<String>);

impl ConfigError {
    pub(super) fn single(mistake: String) -> Self {
        Self(vec![mistake])
    }
}

/// Finds a variable by its name.
type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A place to look settings up in. A setting is named `table.key`; the table `leptos` is `[package.metadata.leptos]`.
pub struct Source<'a> {
    file: Table,
    env: Box<Lookup<'a>>,
    known: BTreeSet<String>,
    mistakes: Vec<String>,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &str, env: impl Fn(&str) -> Option<String> + 'a) -> Result<Self, ConfigError> {
        let mut file: Table = file.parse().map_err(|error| ConfigError::single(format!("Leptos.toml: {error}")))?;
        if let Some(leptos) = take_leptos(&mut file) {
            file.insert("leptos".into(), leptos);
        }
        Ok(Self { file, env: Box::new(env), known: BTreeSet::new(), mistakes: Vec::new() })
    }

    /// A setting with a default.
    pub fn value<T: FromStr<Err: Display>>(&mut self, key: &str, variable: &'static str, default: T) -> T {
        self.maybe(key, variable).unwrap_or(default)
    }

    /// A setting without a default.
    pub fn maybe<T: FromStr<Err: Display>>(&mut self, key: &str, variable: &'static str) -> Option<T> {
        let (origin, text) = self.look_up(key, variable)?;
        text.parse().map_err(|error| self.mistakes.push(format!("{origin} is “{text}”: {error}"))).ok()
    }

    /// A setting that may be absent. An empty text counts as absent.
    pub fn optional(&mut self, key: &str, variable: &'static str) -> Option<String> {
        self.look_up(key, variable).map(|(_, text)| text)
    }

    /// A list, separated by commas or spaces. `None`: it is not set.
    pub fn list<T: FromStr<Err: Display>>(&mut self, key: &str, variable: &'static str) -> Option<Vec<T>> {
        let (origin, text) = self.look_up(key, variable)?;
        let items = text.split([',', ' ']).filter(|item| !item.is_empty());
        let mistakes = &mut self.mistakes;
        Some(
            items
                .filter_map(|item| {
                    item.parse().map_err(|error| mistakes.push(format!("{origin} has “{item}”: {error}"))).ok()
                })
                .collect(),
        )
    }

    /// A setting that has to be `wish`, which `holds` tells.
    pub fn value_that<T: FromStr<Err: Display> + Clone>(
        &mut self,
        key: &str,
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

    /// A number of things of which there must be some.
    pub fn at_least_1<T: FromStr<Err: Display> + Clone + PartialOrd + From<u8>>(
        &mut self,
        key: &str,
        variable: &'static str,
        default: T,
    ) -> T {
        self.value_that(key, variable, default, "at least 1", |number| *number >= T::from(1))
    }

    /// An address that may hold a password, of one of these schemes.
    pub fn secret_url(&mut self, key: &str, variable: &'static str, schemes: &[&str]) -> Option<String> {
        let url = self.secret(key, variable)?;
        let sound = schemes.iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| rest.starts_with(':')));
        if !sound {
            self.complain(format!("{key} ({variable}) must begin with {}:", schemes.join(":, ")));
        }
        Some(url).filter(|_| sound)
    }

    /// The address of something on the web, if it is set.
    pub fn url(&mut self, key: &str, variable: &'static str) -> Option<String> {
        let text = self.optional(key, variable)?;
        let sound = url::Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !sound {
            self.complain(format!("{key} ({variable}) must begin with https:// or http:// and a host"));
        }
        Some(text).filter(|_| sound)
    }

    /// Reports a mistake that takes more than one setting to see. Its words must hold no secret.
    pub fn complain(&mut self, words: impl Into<String>) {
        self.mistakes.push(words.into());
    }

    /// A duration in milliseconds that is longer than none.
    pub fn interval(&mut self, key: &str, variable: &'static str, default_ms: u64) -> Duration {
        Duration::from_millis(self.value_that(key, variable, default_ms, "longer than 0", |ms| *ms > 0))
    }

    /// A duration in milliseconds.
    pub fn millis(&mut self, key: &str, variable: &'static str, default_ms: u64) -> Duration {
        Duration::from_millis(self.value(key, variable, default_ms))
    }

    /// A secret: also from the file that `<variable>_FILE` names, and never part of a mistake's text.
    pub fn secret(&mut self, key: &str, variable: &'static str) -> Option<String> {
        let direct = self.optional(key, variable);
        let Some(path) = (self.env)(&format!("{variable}_FILE")) else { return direct };
        match std::fs::read_to_string(&path) {
            Ok(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()).or(direct),
            Err(error) => {
                self.mistakes.push(format!("{variable}_FILE: {error}"));
                direct
            }
        }
    }

    fn look_up(&mut self, key: &str, variable: &'static str) -> Option<(String, String)> {
        self.known.insert(key.to_owned());
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

    /// Reports every mistake, settings that nobody knows included.
    pub(super) fn finish(mut self) -> Result<(), ConfigError> {
        // Most of Leptos' own table is for its build.
        for (table, keys) in self.file.iter().filter(|(table, _)| *table != "leptos") {
            let keys = keys.as_table().map(|keys| keys.keys().map(|key| format!("{table}.{key}")).collect());
            for key in keys.unwrap_or_else(|| vec![table.clone()]) {
                if !self.known.contains(&key) {
                    self.mistakes.push(format!("{key} is not a setting"));
                }
            }
        }
        if self.mistakes.is_empty() { Ok(()) } else { Err(ConfigError(self.mistakes)) }
    }
}

fn take_leptos(file: &mut Table) -> Option<Value> {
    let mut package = file.remove("package")?;
    package.as_table_mut()?.get_mut("metadata")?.as_table_mut()?.remove("leptos")
}
