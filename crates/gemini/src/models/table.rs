//! The table of models, a row each, as of [`AS_OF`]. `docs/GEMINI.md`, "Models and prices" and "Thinking levels", explains the sources.

use jiff::civil::{Date, date};

use super::{MediaTokens, Prices, Route, Thinking};
use crate::request::ThinkingLevel;

/// The day on which the sources of the table were last read.
pub const AS_OF: Date = date(2026, 11, 30);

pub(super) struct Row {
    pub id: &'static str,
    pub released: Option<Date>,
    pub shutdown: Option<Date>,
    pub route: Option<Route>,
    pub thinking: Thinking,
    pub default_level: Option<ThinkingLevel>,
    pub sampling: bool,
    pub media: MediaTokens,
    pub output_tokens_max: u32,
    /// Each with its first day. `None`: always.
    pub prices: &'static [(Option<Date>, Prices)],
    pub source: &'static str,
}

pub(super) const INPUT_TOKENS_MAX: u32 = 1_048_576;

use ThinkingLevel::{High, Low, Medium, Minimal, Xhigh};

const MINIMAL_TO_HIGH: Thinking = Thinking::Levels(&[Minimal, Low, Medium, High]);
/// The levels that every model with levels accepts.
pub const LOW_TO_HIGH: Thinking = Thinking::Levels(&[Low, Medium, High]);
const LOW_TO_XHIGH: Thinking = Thinking::Levels(&[Low, Medium, High, Xhigh]);
/// All levels, for a model whose levels are not known.
pub(super) const ALL_LEVELS: Thinking = Thinking::Levels(&[Minimal, Low, Medium, High, Xhigh]);

/// Gemini 3 and later (<https://ai.google.dev/gemini-api/docs/media-resolution>, read 2026-11-30). Google publishes no figures for
/// Gemini 4.
pub const GEMINI_3_MEDIA: MediaTokens =
    MediaTokens { low: 280, medium: 560, high: 1_120, ultra_high: 2_240, page: 560, image: 1_120 };
/// Gemini 2: an image of up to 384 pixels on each side, or one tile of a larger image
/// (<https://ai.google.dev/gemini-api/docs/media-resolution>, read 2026-11-30).
const GEMINI_2_MEDIA: MediaTokens =
    MediaTokens { low: 64, medium: 256, high: 256, ultra_high: 256, page: 258, image: 258 };

/// Dollars for a million tokens, in thousandths: input and output. Then micro-dollars for cached input, in a single call and in a batch.
/// If the price of cached input in a batch is not published, the one of single calls stands for it as an upper bound.
const fn price(input: u64, output: u64, cached: u64, cached_half: u64) -> Prices {
    Prices { input: input * 1_000, output: output * 1_000, cached, cached_half }
}

/// Promotional until 2026-12-31. The price of cached input from then on is not published; a tenth of input is assumed.
const FLASH: &[(Option<Date>, Prices)] =
    &[(None, price(750, 3_750, 75_000, 37_500)), (Some(date(2027, 1, 1)), price(1_500, 7_500, 150_000, 75_000))];
const ARGON: &[(Option<Date>, Prices)] =
    &[(None, price(2_000, 10_000, 100_000, 50_000)), (Some(date(2026, 12, 1)), price(4_000, 20_000, 200_000, 100_000))];

const CHANGELOG_OCTOBER: &str = "changelog 2026-10-08";
const DEPRECATIONS_NOVEMBER: &str = "aideprecations 2026-11-10";

const fn route(from: Date, to: &'static str, source: &'static str) -> Option<Route> {
    Some(Route { from, to, source })
}

/// A row of Gemini 3 with the most common values.
const BASE: Row = Row {
    id: "",
    released: None,
    shutdown: None,
    route: None,
    thinking: LOW_TO_HIGH,
    default_level: Some(Medium),
    sampling: false,
    media: GEMINI_3_MEDIA,
    output_tokens_max: 65_536,
    prices: FLASH,
    source: "",
};

const GEMINI_2: Row =
    Row { thinking: Thinking::Budget, default_level: None, sampling: true, media: GEMINI_2_MEDIA, ..BASE };

pub(super) const TABLE: &[Row] = &[
    Row {
        id: "gemini-3.8-flash",
        released: Some(date(2026, 9, 2)),
        source: "pricing page by api-evangelist 2026-10-07, litellm 2026-11-20",
        ..BASE
    },
    Row {
        id: "gemini-3.7-flash",
        released: Some(date(2026, 8, 13)),
        route: route(date(2026, 10, 8), "gemini-3.8-flash", CHANGELOG_OCTOBER),
        source: CHANGELOG_OCTOBER,
        ..BASE
    },
    Row {
        id: "gemini-3.6-flash",
        released: Some(date(2026, 7, 21)),
        thinking: MINIMAL_TO_HIGH,
        source: "pricing page by api-evangelist 2026-10-07, litellm 2026-11-20",
        ..BASE
    },
    Row {
        id: "gemini-3.5-flash",
        released: Some(date(2026, 5, 19)),
        route: route(date(2026, 10, 8), "gemini-3.6-flash", CHANGELOG_OCTOBER),
        thinking: MINIMAL_TO_HIGH,
        prices: &[(None, price(1_500, 9_000, 150_000, 150_000))],
        source: "litellm 2026-11-20",
        ..BASE
    },
    Row {
        id: "gemini-3.5-flash-lite",
        released: Some(date(2026, 7, 21)),
        thinking: MINIMAL_TO_HIGH,
        default_level: Some(Minimal),
        // Two sources name 0.015 and 0.02 dollars for cached input in a batch.
        prices: &[(None, price(300, 2_500, 30_000, 20_000))],
        source: "litellm 2026-11-20",
        ..BASE
    },
    Row {
        id: "gemini-3.1-flash-lite",
        released: Some(date(2026, 5, 7)),
        shutdown: Some(date(2027, 5, 7)),
        thinking: MINIMAL_TO_HIGH,
        default_level: None,
        prices: &[(None, price(250, 1_500, 25_000, 12_500))],
        source: "deprecations page, litellm 2026-11-20",
        ..BASE
    },
    // Beyond 200,000 tokens of input it costs more. A page is shorter.
    Row {
        id: "gemini-3.1-pro-preview",
        default_level: Some(High),
        prices: &[(None, price(2_000, 12_000, 200_000, 200_000))],
        source: "deprecations page, litellm 2026-11-20",
        ..BASE
    },
    Row {
        id: "gemini-3-flash-preview",
        thinking: MINIMAL_TO_HIGH,
        default_level: None,
        prices: &[(None, price(500, 3_000, 50_000, 50_000))],
        source: "litellm 2026-11-20",
        ..BASE
    },
    // Calls of Argon and Carbon that do not stream write at most 32,768 tokens. The limit in a batch is not published.
    Row {
        id: "gemini-4-argon",
        released: Some(date(2026, 10, 13)),
        output_tokens_max: 32_768,
        prices: ARGON,
        source: "changelog 2026-10-13, TokenMeter 0.13.1",
        ..BASE
    },
    Row {
        id: "gemini-4-carbon",
        released: Some(date(2026, 11, 10)),
        output_tokens_max: 32_768,
        prices: ARGON,
        source: "laozhang and apidog 2026-11-11, Trazum 2026-11-16",
        ..BASE
    },
    Row {
        id: "gemini-4-hydrogen",
        released: Some(date(2026, 11, 12)),
        thinking: LOW_TO_XHIGH,
        default_level: Some(High),
        prices: &[(None, price(1_500, 7_500, 75_000, 37_500))],
        source: "Google Cloud's page of November 2026, litellm 2026-11-20",
        ..BASE
    },
    Row {
        id: "gemini-4-neon",
        released: Some(date(2026, 11, 18)),
        thinking: LOW_TO_XHIGH,
        default_level: Some(High),
        prices: &[(None, price(3_000, 15_000, 150_000, 150_000))],
        source: "TokenMeter 0.17.0, llm-preflight 2026-11-19, laozhang 2026-11-22",
        ..BASE
    },
    // Beyond 200,000 tokens of input it costs more. A page is shorter.
    Row {
        id: "gemini-2.5-pro",
        route: route(date(2026, 12, 1), "gemini-3.8-flash", DEPRECATIONS_NOVEMBER),
        prices: &[(None, price(1_250, 10_000, 125_000, 125_000))],
        source: "litellm 2026-11-20",
        ..GEMINI_2
    },
    Row {
        id: "gemini-2.5-flash",
        route: route(date(2026, 12, 1), "gemini-3.5-flash-lite", DEPRECATIONS_NOVEMBER),
        prices: &[(None, price(300, 2_500, 30_000, 30_000))],
        source: "litellm 2026-11-20",
        ..GEMINI_2
    },
    // Closed to new users since August 2026.
    Row {
        id: "gemini-2.5-flash-lite",
        prices: &[(None, price(100, 400, 10_000, 10_000))],
        source: DEPRECATIONS_NOVEMBER,
        ..GEMINI_2
    },
];

/// Aliases and their models. Google resolves them under `v1beta` only, and may change them while a batch runs
/// (<https://ai.google.dev/gemini-api/docs/changelog>, read 2026-11-23).
pub const ALIASES: &[(&str, &str)] = &[
    ("gemini-flash-latest", "gemini-3.8-flash"),
    ("gemini-flash-lite-latest", "gemini-3.5-flash-lite"),
    ("gemini-pro-latest", "gemini-3.1-pro-preview"),
];
