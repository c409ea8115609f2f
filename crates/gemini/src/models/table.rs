//! The table of models, a row each, as of 2026-11-23.
//!
//! Prices: <https://ai.google.dev/gemini-api/docs/pricing>. Shutdowns: <https://ai.google.dev/gemini-api/docs/deprecations>.
//! `docs/GEMINI.md`, "Models and prices" and "Thinking levels", has the source and date of each row, and what the table lacks.

use jiff::civil::{Date, date};

use super::{MediaTokens, Thinking};
use crate::request::ThinkingLevel;

pub(super) struct Row {
    pub id: &'static str,
    /// The day of general availability. `None` for a preview or if the day is not known.
    pub released: Option<Date>,
    /// The first day on which requests are refused or answered by another model.
    pub shutdown: Option<Date>,
    pub thinking: Thinking,
    pub sampling: bool,
    pub media: MediaTokens,
    pub output_tokens_max: u32,
    pub prices: &'static [Price],
}

/// The first day (`None`: always), then input and output of single calls in thousandths of a dollar for a million tokens.
pub(super) type Price = (Option<Date>, u64, u64);

pub(super) const INPUT_TOKENS_MAX: u32 = 1_048_576;

const MINIMAL_TO_HIGH: Thinking =
    Thinking::Levels(&[ThinkingLevel::Minimal, ThinkingLevel::Low, ThinkingLevel::Medium, ThinkingLevel::High]);
/// The levels that every model with levels accepts.
pub const LOW_TO_HIGH: Thinking = Thinking::Levels(&[ThinkingLevel::Low, ThinkingLevel::Medium, ThinkingLevel::High]);

/// Gemini 3 and later (<https://ai.google.dev/gemini-api/docs/media-resolution>, read 2026-11-30).
pub const GEMINI_3_MEDIA: MediaTokens =
    MediaTokens { low: 280, medium: 560, high: 1_120, ultra_high: 2_240, page: 560, image: 1_120 };
/// Gemini 2: an image of up to 384 pixels on each side, or one tile of a larger image
/// (<https://ai.google.dev/gemini-api/docs/media-resolution>, read 2026-11-30).
const GEMINI_2_MEDIA: MediaTokens =
    MediaTokens { low: 64, medium: 256, high: 256, ultra_high: 256, page: 258, image: 258 };

/// Promotional until 2026-12-31 (<https://ai.google.dev/gemini-api/docs/pricing>, read 2026-10-07).
const FLASH: &[Price] = &[(None, 750, 3_750), (Some(date(2027, 1, 1)), 1_500, 7_500)];

const fn flash(id: &'static str, released: Option<Date>, thinking: Thinking, prices: &'static [Price]) -> Row {
    Row {
        id,
        released,
        shutdown: None,
        thinking,
        sampling: false,
        media: GEMINI_3_MEDIA,
        output_tokens_max: 65_536,
        prices,
    }
}

const fn preview(id: &'static str, thinking: Thinking, prices: &'static [Price]) -> Row {
    Row { sampling: true, ..flash(id, None, thinking, prices) }
}

const fn gemini_2(id: &'static str, prices: &'static [Price], shutdown: Option<Date>) -> Row {
    Row { media: GEMINI_2_MEDIA, shutdown, ..preview(id, Thinking::Budget, prices) }
}

pub(super) const TABLE: &[Row] = &[
    flash("gemini-3.8-flash", Some(date(2026, 9, 2)), LOW_TO_HIGH, FLASH),
    flash("gemini-3.7-flash", Some(date(2026, 8, 13)), LOW_TO_HIGH, FLASH),
    flash("gemini-3.6-flash", Some(date(2026, 7, 21)), MINIMAL_TO_HIGH, FLASH),
    flash("gemini-3.5-flash", Some(date(2026, 5, 19)), MINIMAL_TO_HIGH, &[(None, 1_500, 9_000)]),
    flash("gemini-3.5-flash-lite", Some(date(2026, 7, 21)), MINIMAL_TO_HIGH, &[(None, 300, 2_500)]),
    Row {
        shutdown: Some(date(2027, 5, 7)),
        ..preview("gemini-3.1-flash-lite", MINIMAL_TO_HIGH, &[(None, 250, 1_500)])
    },
    preview("gemini-3.1-pro-preview", LOW_TO_HIGH, &[(None, 2_000, 12_000)]),
    preview("gemini-3-flash-preview", MINIMAL_TO_HIGH, &[(None, 500, 3_000)]),
    Row { output_tokens_max: 1_048_576, ..flash("gemini-4-argon", None, LOW_TO_HIGH, &[(None, 2_000, 10_000)]) },
    gemini_2("gemini-2.5-pro", &[(None, 1_250, 10_000)], Some(date(2026, 12, 1))),
    gemini_2("gemini-2.5-flash", &[(None, 300, 2_500)], Some(date(2026, 12, 1))),
    gemini_2("gemini-2.5-flash-lite", &[(None, 100, 400)], None),
];

/// Aliases and their models. Google resolves them under `v1beta` only, and may change them while a batch runs
/// (<https://ai.google.dev/gemini-api/docs/changelog>, read 2026-11-23).
pub const ALIASES: &[(&str, &str)] = &[
    ("gemini-flash-latest", "gemini-3.8-flash"),
    ("gemini-flash-lite-latest", "gemini-3.5-flash-lite"),
    ("gemini-pro-latest", "gemini-3.1-pro-preview"),
];
