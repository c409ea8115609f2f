//! How Gemini is reached and asked, and what its model can and costs where the table of models does not know it.

use std::str::FromStr;

use super::source::Source;
use coldbrew_gemini::models::{self, FROM_LOW, MediaTokens, Model, Models, Prices, Thinking};

/// How Gemini is reached and asked.
#[derive(Clone)]
pub struct Gemini {
    /// `None`: demo mode, pages are read by the built-in emulator.
    pub api_key: Option<String>,
    pub base_url: String,
    /// The model that pages are put to.
    pub model: String,
    /// What the model can and costs, where the table of models is wrong about it.
    own: Own,
}

#[derive(Clone, Debug)]
struct Own {
    thinking: Option<ThinkingStyle>,
    sampling: Option<bool>,
    media: Option<MediaStyle>,
    input_tokens_max: Option<u32>,
    output_tokens_max: Option<u32>,
    prices: Option<PriceTag>,
}

impl Gemini {
    pub(super) fn read(source: &mut Source) -> Self {
        let google = "https://generativelanguage.googleapis.com".to_owned();
        Self {
            api_key: source.secret("gemini.api-key", "GEMINI_API_KEY"),
            base_url: source.url("gemini.base-url", "GEMINI_BASE_URL").unwrap_or(google),
            model: source.value("gemini.model", "GEMINI_MODEL", models::DEFAULT.to_owned()),
            own: Own {
                thinking: source.maybe("gemini.thinking", "GEMINI_THINKING"),
                sampling: source.maybe("gemini.sampling", "GEMINI_SAMPLING"),
                media: source.maybe("gemini.media-tokens", "GEMINI_MEDIA_TOKENS"),
                input_tokens_max: source.maybe("gemini.input-tokens-max", "GEMINI_INPUT_TOKENS_MAX"),
                output_tokens_max: source.maybe("gemini.output-tokens-max", "GEMINI_OUTPUT_TOKENS_MAX"),
                prices: source.maybe("gemini.prices", "GEMINI_PRICES"),
            },
        }
    }

    /// The table of models, with what is said here of the one that is used.
    pub fn models(&self) -> Models {
        let (own, listed) = (&self.own, models::model(&self.model));
        Models::default().with(Model {
            thinking: own.thinking.map_or(listed.thinking, Into::into),
            sampling: own.sampling.unwrap_or(listed.sampling),
            media: own.media.map_or(listed.media, |MediaStyle(media)| media),
            input_tokens_max: own.input_tokens_max.unwrap_or(listed.input_tokens_max),
            output_tokens_max: own.output_tokens_max.unwrap_or(listed.output_tokens_max),
            prices: own.prices.map_or(listed.prices, |PriceTag(prices)| vec![(None, prices)]),
            ..listed
        })
    }
}

/// The key never reaches a log.
impl std::fmt::Debug for Gemini {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { base_url, model, own, .. } = self;
        let mut shown = f.debug_struct("Gemini");
        shown.field("base_url", base_url).field("model", model).field("own", own).finish_non_exhaustive()
    }
}

/// How a model is told how much to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ThinkingStyle {
    Levels,
    Budget,
    None,
}

impl FromStr for ThinkingStyle {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "levels" => Ok(Self::Levels),
            "budget" => Ok(Self::Budget),
            "none" => Ok(Self::None),
            _ => Err("it must be levels, budget or none"),
        }
    }
}

impl From<ThinkingStyle> for Thinking {
    fn from(style: ThinkingStyle) -> Self {
        match style {
            ThinkingStyle::Levels => FROM_LOW,
            ThinkingStyle::Budget => Self::Budget,
            ThinkingStyle::None => Self::Unknown,
        }
    }
}

/// What a page weighs at low, medium and high media resolution; `None`: the model takes no media resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MediaStyle(Option<MediaTokens>);

impl FromStr for MediaStyle {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self(None));
        }
        let tokens: Result<Vec<u32>, _> = text.split_whitespace().map(str::parse).collect();
        match tokens.as_deref() {
            Ok(&[low, medium, high]) => {
                Ok(Self(Some(MediaTokens { low, medium, high, ultra_high: high, page: medium, image: high })))
            }
            _ => Err("it must be three numbers of tokens, for low, medium and high, or none"),
        }
    }
}

/// Dollars per million tokens, of input and of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PriceTag(Prices);

impl FromStr for PriceTag {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let amounts: Option<Vec<u64>> = text.split_whitespace().map(micro_dollars).collect();
        match amounts.as_deref() {
            Some(&[input, output]) => Ok(Self(Prices { input, output })),
            _ => Err("it must be two amounts of dollars, for input and output, as 0.75 3.75"),
        }
    }
}

/// `0.75` as 750,000.
pub(super) fn micro_dollars(text: &str) -> Option<u64> {
    const DIGITS: usize = 6;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_amount = !whole.is_empty() && is_number(whole) && is_number(fraction) && fraction.len() <= DIGITS;
    if is_amount { format!("{whole}{fraction:0<DIGITS$}").parse().ok() } else { None }
}
