//! What each model can and costs, as of 2026-11-23. One table; [`Models`] is it with what its user knows better.

mod table;

use jiff::civil::Date;

use super::error::Error;
use super::request::ThinkingLevel;
pub use table::{ALIASES, FROM_LOW, GEMINI_3};
use table::{INPUT_TOKENS_MAX, Row, TABLE};

/// The model for whoever has no preference: the newest Flash that is generally available.
pub const DEFAULT: &str = "gemini-3.8-flash";

/// A model's abilities and prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Without `models/`.
    pub id: String,
    /// Since when it is generally available; `None`: a preview, or unknown.
    pub released: Option<Date>,
    /// The first day on which requests for it are refused, or answered by another model.
    pub shutdown: Option<Date>,
    pub thinking: Thinking,
    /// Whether temperature, topP and topK have an effect.
    pub sampling: bool,
    /// What pages and images weigh; `None`: it takes no media resolution.
    pub media: Option<MediaTokens>,
    pub input_tokens_max: u32,
    pub output_tokens_max: u32,
    /// From when on which prices hold, oldest first; empty if unknown.
    pub prices: Vec<(Option<Date>, Prices)>,
}

/// How a model is told how much to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    /// `thinkingLevel`, one of these.
    Levels(&'static [ThinkingLevel]),
    /// `thinkingBudget` in tokens.
    Budget,
    /// Not in the table: anything may be tried.
    Unknown,
}

/// The most tokens that a page of a PDF or an image weighs, by media resolution. A page's own text comes on top, for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaTokens {
    pub low: u32,
    pub medium: u32,
    pub high: u32,
    /// For images only, and only asked for at the image itself.
    pub ultra_high: u32,
    /// A page for which no resolution was asked.
    pub page: u32,
    /// An image for which no resolution was asked.
    pub image: u32,
}

/// Micro-dollars per million tokens of a single call; a batch costs half. Thoughts cost as output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    pub input: u64,
    pub output: u64,
}

impl Prices {
    /// What so many tokens cost, in micro-dollars, rounded up. What Google takes off for cached prompts is not known here.
    pub const fn cost(self, input_tokens: u64, output_tokens: u64, is_batch: bool) -> u64 {
        let whole = input_tokens.saturating_mul(self.input).saturating_add(output_tokens.saturating_mul(self.output));
        whole.div_ceil(if is_batch { 2_000_000 } else { 1_000_000 })
    }
}

impl Model {
    /// The prices that hold on `day`; `None` if unknown.
    pub fn prices_on(&self, day: Date) -> Option<Prices> {
        let holds = |(from, _): &&(Option<Date>, Prices)| from.is_none_or(|from| from <= day);
        self.prices.iter().rev().find(holds).map(|(_, prices)| *prices)
    }
}

/// The model called `name`, with or without `models/`; one that is not in the table is taken to be able to do anything.
pub fn model(name: &str) -> Model {
    let id = bare(name);
    let id = ALIASES.iter().find(|(alias, _)| *alias == id).map_or(id, |(_, id)| id);
    TABLE.iter().find(|row| row.id == id).map_or_else(|| unlisted(id), Row::model)
}

/// The table with what its user knows better.
#[derive(Clone, Debug, Default)]
pub struct Models {
    overrides: Vec<Model>,
}

impl Models {
    /// Puts a model in the place of the one that the table has under its id.
    pub fn with(mut self, model: Model) -> Self {
        self.overrides.insert(0, model);
        self
    }

    /// As [`model`], overrides first.
    pub fn get(&self, name: &str) -> Model {
        let listed = model(name);
        self.overrides.iter().find(|model| model.id == listed.id).cloned().unwrap_or(listed)
    }
}

/// The highest prices on `day` of all models in the table: what a model may cost whose prices are not known.
pub fn dearest_prices(day: Date) -> Prices {
    let known = all().filter_map(|model| model.prices_on(day));
    known.fold(Prices { input: 0, output: 0 }, |dearest, prices| Prices {
        input: dearest.input.max(prices.input),
        output: dearest.output.max(prices.output),
    })
}

/// All models of the table.
pub fn all() -> impl Iterator<Item = Model> {
    TABLE.iter().map(Row::model)
}

/// Whether `model_version`, as an answer names it, is the model that was asked for. It may carry a revision behind its name.
pub fn is_same(requested: &str, model_version: &str) -> bool {
    let requested = model(requested).id;
    match bare(model_version).strip_prefix(&requested) {
        Some("") => true,
        Some(revision) => revision.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
        None => false,
    }
}

/// The id without `models/`, if it can be part of an address.
pub(super) fn checked_id(name: &str) -> Result<&str, Error> {
    let id = bare(name);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !id.is_empty() && !id.starts_with('.') && id.chars().all(plain) {
        return Ok(id);
    }
    Err(Error::rejected("the model's name must consist of letters, digits, dots and dashes"))
}

fn bare(name: &str) -> &str {
    name.strip_prefix("models/").unwrap_or(name)
}

impl Row {
    fn model(&self) -> Model {
        let prices =
            |&(from, input, output): &table::Price| (from, Prices { input: input * 1_000, output: output * 1_000 });
        Model {
            id: self.id.to_owned(),
            released: self.released,
            shutdown: self.shutdown,
            thinking: self.thinking,
            sampling: self.sampling,
            media: Some(self.media),
            input_tokens_max: INPUT_TOKENS_MAX,
            output_tokens_max: self.output_tokens_max,
            prices: self.prices.iter().map(prices).collect(),
        }
    }
}

fn unlisted(id: &str) -> Model {
    Model {
        id: id.to_owned(),
        released: None,
        shutdown: None,
        thinking: Thinking::Unknown,
        sampling: true,
        media: Some(GEMINI_3),
        input_tokens_max: INPUT_TOKENS_MAX,
        output_tokens_max: u32::MAX,
        prices: Vec::new(),
    }
}
