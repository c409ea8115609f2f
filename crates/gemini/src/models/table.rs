//! What Google says of its models, a row each, with the days on which it begins and ceases to hold.

use jiff::civil::{Date, date};

use super::{MediaTokens, Thinking};
use crate::request::ThinkingLevel;

pub(super) struct Row {
    pub id: &'static str,
    /// Since when it is generally available; `None`: a preview, or unknown.
    pub released: Option<Date>,
    pub shutdown: Option<Date>,
    pub thinking: Thinking,
    pub sampling: bool,
    pub media: MediaTokens,
    pub output_tokens_max: u32,
    pub prices: &'static [Price],
}

/// From this day on (`None`: always): interactive input and output, in thousandths of a dollar per million tokens.
pub(super) type Price = (Option<Date>, u64, u64);

pub(super) const INPUT_TOKENS_MAX: u32 = 1_048_576;

const FROM_MINIMAL: Thinking =
    Thinking::Levels(&[ThinkingLevel::Minimal, ThinkingLevel::Low, ThinkingLevel::Medium, ThinkingLevel::High]);
/// The levels that every model with levels has.
pub const FROM_LOW: Thinking = Thinking::Levels(&[ThinkingLevel::Low, ThinkingLevel::Medium, ThinkingLevel::High]);

/// Gemini 3 and later.
pub const GEMINI_3: MediaTokens =
    MediaTokens { low: 280, medium: 560, high: 1_120, ultra_high: 2_240, page: 560, image: 1_120 };
/// An image of up to 384 pixels, or a tile of a larger one.
const GEMINI_2: MediaTokens = MediaTokens { low: 64, medium: 256, high: 256, ultra_high: 256, page: 258, image: 258 };

/// Promotional until the end of 2026.
const FLASH: &[Price] = &[(None, 750, 3_750), (Some(date(2027, 1, 1)), 1_500, 7_500)];

const fn flash(id: &'static str, released: Option<Date>, thinking: Thinking, prices: &'static [Price]) -> Row {
    Row { id, released, shutdown: None, thinking, sampling: false, media: GEMINI_3, output_tokens_max: 65_536, prices }
}

const fn preview(id: &'static str, thinking: Thinking, prices: &'static [Price]) -> Row {
    Row { sampling: true, ..flash(id, None, thinking, prices) }
}

const fn gemini_2(id: &'static str, prices: &'static [Price], shutdown: Option<Date>) -> Row {
    Row { media: GEMINI_2, shutdown, ..preview(id, Thinking::Budget, prices) }
}

pub(super) const TABLE: &[Row] = &[
    flash("gemini-3.8-flash", Some(date(2026, 9, 2)), FROM_LOW, FLASH),
    flash("gemini-3.7-flash", Some(date(2026, 8, 13)), FROM_LOW, FLASH),
    flash("gemini-3.6-flash", Some(date(2026, 7, 21)), FROM_MINIMAL, FLASH),
    flash("gemini-3.5-flash", Some(date(2026, 5, 19)), FROM_MINIMAL, &[(None, 1_500, 9_000)]),
    flash("gemini-3.5-flash-lite", Some(date(2026, 7, 21)), FROM_MINIMAL, &[(None, 300, 2_500)]),
    Row { shutdown: Some(date(2027, 5, 7)), ..preview("gemini-3.1-flash-lite", FROM_MINIMAL, &[(None, 250, 1_500)]) },
    preview("gemini-3.1-pro-preview", FROM_LOW, &[(None, 2_000, 12_000)]),
    preview("gemini-3-flash-preview", FROM_MINIMAL, &[(None, 500, 3_000)]),
    Row { output_tokens_max: 1_048_576, ..flash("gemini-4-argon", None, FROM_LOW, &[(None, 2_000, 10_000)]) },
    gemini_2("gemini-2.5-pro", &[(None, 1_250, 10_000)], Some(date(2026, 12, 1))),
    gemini_2("gemini-2.5-flash", &[(None, 300, 2_500)], Some(date(2026, 12, 1))),
    gemini_2("gemini-2.5-flash-lite", &[(None, 100, 400)], None),
];

/// Names that stand for another model; Google resolves them on `v1beta` only. They may change during a batch.
pub const ALIASES: &[(&str, &str)] = &[
    ("gemini-flash-latest", "gemini-3.8-flash"),
    ("gemini-flash-lite-latest", "gemini-3.5-flash-lite"),
    ("gemini-pro-latest", "gemini-3.1-pro-preview"),
];
