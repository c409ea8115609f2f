//! The abilities and prices of each model, as of 2026-11-23.
//!
//! The sources, and the models that the table lacks, are in `docs/GEMINI.md`, "Models and prices". [`Models`] is the table with the
//! overrides of the operator.

mod table;

use jiff::civil::Date;

use super::error::Error;
use super::request::ThinkingLevel;
pub use table::{ALIASES, GEMINI_3_MEDIA, LOW_TO_HIGH};
use table::{INPUT_TOKENS_MAX, Row, TABLE};

/// The default model: the newest Flash that is generally available.
pub const DEFAULT: &str = "gemini-3.8-flash";

/// The abilities and prices of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The id without `models/`.
    pub id: String,
    /// The day of general availability. `None` for a preview or if the day is not known.
    pub released: Option<Date>,
    /// The first day on which requests for the model are refused or answered by another model.
    pub shutdown: Option<Date>,
    pub thinking: Thinking,
    /// Whether temperature, topP and topK have an effect.
    pub sampling: bool,
    /// The tokens of pages and images. `None` if the model accepts no media resolution.
    pub media: Option<MediaTokens>,
    pub input_tokens_max: u32,
    pub output_tokens_max: u32,
    /// Prices with the first day on which each is valid, oldest first. Empty if not known.
    pub prices: Vec<(Option<Date>, Prices)>,
}

/// How a request sets the amount of thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    /// By `thinkingLevel`, one of these.
    Levels(&'static [ThinkingLevel]),
    /// By `thinkingBudget`, in tokens.
    Budget,
    /// The model is not in the table, so both are accepted.
    Unknown,
}

/// The maximal tokens of one PDF page or image, by media resolution.
///
/// The embedded text of a page is not charged (<https://ai.google.dev/gemini-api/docs/media-resolution>, read 2026-11-30).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaTokens {
    pub low: u32,
    pub medium: u32,
    pub high: u32,
    /// For images only, set in the part of the image.
    pub ultra_high: u32,
    /// A page without a media resolution.
    pub page: u32,
    /// An image without a media resolution.
    pub image: u32,
}

/// The prices of single calls, in micro-dollars for a million tokens. Thoughts are charged as output.
///
/// A batch costs half (<https://ai.google.dev/gemini-api/docs/batch-api>, read 2026-11-30).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    pub input: u64,
    pub output: u64,
}

impl Prices {
    /// The cost of these tokens in micro-dollars, rounded up. The discount for cached tokens is not applied.
    pub const fn cost(self, input_tokens: u64, output_tokens: u64, is_batch: bool) -> u64 {
        let whole = input_tokens.saturating_mul(self.input).saturating_add(output_tokens.saturating_mul(self.output));
        whole.div_ceil(if is_batch { 2_000_000 } else { 1_000_000 })
    }
}

impl Model {
    /// The prices on `day`; `None` if not known.
    pub fn prices_on(&self, day: Date) -> Option<Prices> {
        let holds = |(from, _): &&(Option<Date>, Prices)| from.is_none_or(|from| from <= day);
        self.prices.iter().rev().find(holds).map(|(_, prices)| *prices)
    }
}

/// The model called `name`, with or without `models/`. A model that is not in the table has no limits.
pub fn model(name: &str) -> Model {
    let id = bare_id(name);
    let id = ALIASES.iter().find(|(alias, _)| *alias == id).map_or(id, |(_, id)| id);
    TABLE.iter().find(|row| row.id == id).map_or_else(|| unlisted_model(id), Row::model)
}

/// The table of models with overrides.
#[derive(Clone, Debug, Default)]
pub struct Models {
    overrides: Vec<Model>,
}

impl Models {
    /// Replaces the model with the same id.
    pub fn with(mut self, model: Model) -> Self {
        self.overrides.insert(0, model);
        self
    }

    /// The override or the model of the table called `name`, as [`model`].
    pub fn get(&self, name: &str) -> Model {
        let listed = model(name);
        self.overrides.iter().find(|model| model.id == listed.id).cloned().unwrap_or(listed)
    }
}

/// The highest prices of the table on `day`, an upper bound for a model whose prices are not known.
pub fn highest_prices(day: Date) -> Prices {
    let known = all().filter_map(|model| model.prices_on(day));
    known.fold(Prices { input: 0, output: 0 }, |highest, prices| Prices {
        input: highest.input.max(prices.input),
        output: highest.output.max(prices.output),
    })
}

/// All models in the table.
pub fn all() -> impl Iterator<Item = Model> {
    TABLE.iter().map(Row::model)
}

/// Whether `modelVersion` of an answer is the requested model. A revision such as `-001` may follow the id.
pub fn is_same_model(requested: &str, model_version: &str) -> bool {
    let requested = model(requested).id;
    match bare_id(model_version).strip_prefix(&requested) {
        Some("") => true,
        Some(revision) => revision.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
        None => false,
    }
}

/// The id without `models/`, if it can be part of a path.
pub(super) fn checked_id(name: &str) -> Result<&str, Error> {
    let id = bare_id(name);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !id.is_empty() && !id.starts_with('.') && id.chars().all(plain) {
        return Ok(id);
    }
    Err(Error::rejected("the model's name must consist of letters, digits, dots and dashes"))
}

fn bare_id(name: &str) -> &str {
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

fn unlisted_model(id: &str) -> Model {
    Model {
        id: id.to_owned(),
        released: None,
        shutdown: None,
        thinking: Thinking::Unknown,
        sampling: true,
        media: Some(GEMINI_3_MEDIA),
        input_tokens_max: INPUT_TOKENS_MAX,
        output_tokens_max: u32::MAX,
        prices: Vec::new(),
    }
}
