//! The abilities and prices of each model, with the days on which they change.
//!
//! `table` has the facts, and `docs/GEMINI.md`, "Models and prices", their sources. [`Models`] is the table with the overrides of the
//! operator. `changes` lists what will change.

mod changes;
mod choice;
mod table;

use jiff::civil::Date;

use super::error::Error;
use super::request::ThinkingLevel;
use super::response::Usage;
pub use changes::{Change, ChangeKind, changes};
pub use choice::Models;
pub use table::{ALIASES, AS_OF, GEMINI_3_MEDIA, LOW_TO_HIGH};
use table::{ALL_LEVELS, INPUT_TOKENS_MAX, Row, TABLE};

/// The default model: the newest Flash that is generally available.
pub const DEFAULT: &str = "gemini-3.8-flash";

/// The abilities and prices of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The id without `models/`.
    pub id: String,
    /// The day of general availability. `None` for a preview or if the day is not known.
    pub released: Option<Date>,
    /// The first day on which requests for the model are refused.
    pub shutdown: Option<Date>,
    /// The model that answers requests for this one.
    pub route: Option<Route>,
    pub thinking: Thinking,
    /// The level of a request without a level. `None` if it is not known.
    pub default_level: Option<ThinkingLevel>,
    /// Whether temperature, topP and topK have an effect. Google deprecates them since 2026-07-21, and warns that a temperature below 1
    /// can cause loops on Gemini 3 (<https://ai.google.dev/gemini-api/docs/gemini-3>, read 2026-11-30).
    pub sampling: bool,
    /// The tokens of pages and images. `None` if the model accepts no media resolution.
    pub media: Option<MediaTokens>,
    pub input_tokens_max: u32,
    pub output_tokens_max: u32,
    /// Prices with the first day on which each is valid, oldest first. Empty if not known.
    pub prices: Vec<(Option<Date>, Prices)>,
    /// The sources of the row and their dates. Empty for a model that is not in the table.
    pub source: &'static str,
}

/// From a day on, requests for a model are answered by another model, at its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub from: Date,
    /// The id of the model that answers.
    pub to: &'static str,
    pub source: &'static str,
}

/// How a request sets the amount of thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    /// By `thinkingLevel`, one of these.
    Levels(&'static [ThinkingLevel]),
    /// By `thinkingBudget`, in tokens.
    Budget,
    /// The model is not known, so both are accepted.
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
/// Batches and flex calls cost half (<https://ai.google.dev/gemini-api/docs/batch-api>, read 2026-11-30; flex: litellm 1.110.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    pub input: u64,
    pub output: u64,
    /// Tokens of the prompt that were cached.
    pub cached: u64,
    /// The same in a batch or a flex call. It is not half of `cached` for every model.
    pub cached_half: u64,
}

impl Prices {
    /// Prices without a discount for cached tokens.
    pub const fn uncached(input: u64, output: u64) -> Self {
        Self { input, output, cached: input, cached_half: input / 2 }
    }

    /// The cost of these tokens in micro-dollars, rounded up. `is_half_price`: a batch or a flex call.
    pub const fn cost(self, usage: &Usage, is_half_price: bool) -> u64 {
        let prompt = usage.prompt_tokens.saturating_add(usage.tool_use_tokens);
        let output = usage.candidates_tokens.saturating_add(usage.thoughts_tokens);
        let uncached = prompt.saturating_sub(usage.cached_tokens);
        let whole = uncached.saturating_mul(self.input).saturating_add(output.saturating_mul(self.output));
        let cached = usage.cached_tokens;
        match is_half_price {
            true => whole.saturating_add(cached.saturating_mul(2 * self.cached_half)).div_ceil(2_000_000),
            false => whole.saturating_add(cached.saturating_mul(self.cached)).div_ceil(1_000_000),
        }
    }

    /// The higher of both, price by price.
    fn highest(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            output: self.output.max(other.output),
            cached: self.cached.max(other.cached),
            cached_half: self.cached_half.max(other.cached_half),
        }
    }
}

impl Model {
    /// Whether the table has the model.
    pub const fn is_listed(&self) -> bool {
        !self.source.is_empty()
    }

    /// The prices on `day`; `None` if not known.
    pub fn prices_on(&self, day: Date) -> Option<Prices> {
        let holds = |(from, _): &&(Option<Date>, Prices)| from.is_none_or(|from| from <= day);
        self.prices.iter().rev().find(holds).map(|(_, prices)| *prices)
    }
}

/// The model called `name`, with or without `models/` and a revision such as `-001`. A model that is not in the table has no limits.
pub fn model(name: &str) -> Model {
    let id = bare_id(name);
    let id = ALIASES.iter().find(|(alias, _)| *alias == id).map_or(id, |(_, id)| id);
    let row = |id: &str| TABLE.iter().find(|row| row.id == id);
    row(id).or_else(|| row(without_revision(id)?)).map_or_else(|| unlisted_model(id), Row::model)
}

/// The highest prices of the table on `day`, an upper bound for a model whose prices are not known.
pub fn highest_prices(day: Date) -> Prices {
    all().filter_map(|model| model.prices_on(day)).fold(Prices::default(), Prices::highest)
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

/// The id without a revision of digits, if it has one.
fn without_revision(id: &str) -> Option<&str> {
    let (id, revision) = id.rsplit_once('-')?;
    revision.bytes().all(|byte| byte.is_ascii_digit()).then_some(id)
}

impl Row {
    fn model(&self) -> Model {
        Model {
            id: self.id.to_owned(),
            released: self.released,
            shutdown: self.shutdown,
            route: self.route,
            thinking: self.thinking,
            default_level: self.default_level,
            sampling: self.sampling,
            media: Some(self.media),
            input_tokens_max: INPUT_TOKENS_MAX,
            output_tokens_max: self.output_tokens_max,
            prices: self.prices.to_vec(),
            source: self.source,
        }
    }
}

/// A Gemini that is not in the table counts as newer than the table: it has levels, and no sampling parameters.
fn unlisted_model(id: &str) -> Model {
    Model {
        id: id.to_owned(),
        released: None,
        shutdown: None,
        route: None,
        thinking: if id.starts_with("gemini-") { ALL_LEVELS } else { Thinking::Unknown },
        default_level: None,
        sampling: false,
        media: Some(GEMINI_3_MEDIA),
        input_tokens_max: INPUT_TOKENS_MAX,
        output_tokens_max: u32::MAX,
        prices: Vec::new(),
        source: "",
    }
}
