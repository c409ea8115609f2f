//! What each model can and costs, as of [`AS_OF`]. One table; [`Models`] is it with what its user knows better.

use super::error::Error;
use super::request::ThinkingLevel;

/// The day on which the table was true.
pub const AS_OF: &str = "2026-11-23";

/// The model for whoever has no preference: the newest Flash that is generally available (since 2026-09-02).
pub const DEFAULT: &str = "gemini-3.8-flash";

/// A model's abilities and prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Without `models/`.
    pub id: String,
    pub thinking: Thinking,
    /// Whether temperature, topP and topK have an effect.
    pub sampling: bool,
    pub input_tokens_max: u32,
    pub output_tokens_max: u32,
    /// `None` if unknown.
    pub prices: Option<Prices>,
    /// The first day on which requests for it are refused, or answered by another model.
    pub shutdown: Option<&'static str>,
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

/// Micro-dollars per million tokens. Thoughts cost as output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    pub input: u64,
    pub output: u64,
    pub batch_input: u64,
    pub batch_output: u64,
}

struct Row {
    id: &'static str,
    thinking: Thinking,
    sampling: bool,
    output_tokens_max: u32,
    /// Interactive input and output, in thousandths of a dollar per million tokens; a batch costs half.
    price: (u64, u64),
    shutdown: Option<&'static str>,
}

const FROM_MINIMAL: Thinking =
    Thinking::Levels(&[ThinkingLevel::Minimal, ThinkingLevel::Low, ThinkingLevel::Medium, ThinkingLevel::High]);
/// The levels that every model with levels has.
pub const FROM_LOW: Thinking = Thinking::Levels(&[ThinkingLevel::Low, ThinkingLevel::Medium, ThinkingLevel::High]);

const INPUT_TOKENS_MAX: u32 = 1_048_576;

const fn row(
    id: &'static str,
    thinking: Thinking,
    sampling: bool,
    price: (u64, u64),
    shutdown: Option<&'static str>,
) -> Row {
    Row { id, thinking, sampling, output_tokens_max: 65_536, price, shutdown }
}

/// The 3.6 to 3.8 Flash prices are promotional until 2026-12-31; then 1.50 and 7.50 dollars.
const TABLE: &[Row] = &[
    row("gemini-3.8-flash", FROM_LOW, false, (750, 3_750), None),
    row("gemini-3.7-flash", FROM_LOW, false, (750, 3_750), None),
    row("gemini-3.6-flash", FROM_MINIMAL, false, (750, 3_750), None),
    row("gemini-3.5-flash", FROM_MINIMAL, false, (1_500, 9_000), None),
    row("gemini-3.5-flash-lite", FROM_MINIMAL, false, (300, 2_500), None),
    row("gemini-3.1-flash-lite", FROM_MINIMAL, true, (250, 1_500), Some("2027-05-07")),
    row("gemini-3.1-pro-preview", FROM_LOW, true, (2_000, 12_000), None),
    row("gemini-3-flash-preview", FROM_MINIMAL, true, (500, 3_000), None),
    Row { output_tokens_max: 1_048_576, ..row("gemini-4-argon", FROM_LOW, false, (2_000, 10_000), None) },
    row("gemini-2.5-pro", Thinking::Budget, true, (1_250, 10_000), Some("2026-12-01")),
    row("gemini-2.5-flash", Thinking::Budget, true, (300, 2_500), Some("2026-12-01")),
    row("gemini-2.5-flash-lite", Thinking::Budget, true, (100, 400), None),
];

/// Names that stand for another model; Google resolves them on `v1beta` only. They may change during a batch.
pub const ALIASES: &[(&str, &str)] = &[
    ("gemini-flash-latest", "gemini-3.8-flash"),
    ("gemini-flash-lite-latest", "gemini-3.5-flash-lite"),
    ("gemini-pro-latest", "gemini-3.1-pro-preview"),
];

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
        let (input, output) = (self.price.0 * 1_000, self.price.1 * 1_000);
        Model {
            id: self.id.to_owned(),
            thinking: self.thinking,
            sampling: self.sampling,
            input_tokens_max: INPUT_TOKENS_MAX,
            output_tokens_max: self.output_tokens_max,
            prices: Some(Prices { input, output, batch_input: input / 2, batch_output: output / 2 }),
            shutdown: self.shutdown,
        }
    }
}

fn unlisted(id: &str) -> Model {
    Model {
        id: id.to_owned(),
        thinking: Thinking::Unknown,
        sampling: true,
        input_tokens_max: INPUT_TOKENS_MAX,
        output_tokens_max: u32::MAX,
        prices: None,
        shutdown: None,
    }
}
