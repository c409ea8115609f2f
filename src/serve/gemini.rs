//! The settings of Gemini: key, address, model, and properties and prices of a model that the table of models lacks.

use std::str::FromStr;

use crate::accounts::spending::MicroDollars;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::operations::models::report;
use crate::settings::{Secret, Settings};
use coldbrew_gemini::models::{self, LOW_TO_HIGH, MediaTokens, Model, Models, Prices, Thinking};
use coldbrew_gemini::{Client, Config};

/// What `coldbrew models` prints.
pub fn models_report(config: &super::Config) -> String {
    report(&config.gemini.models, &config.gemini.model, SystemClock.today())
}

/// The settings of Gemini.
#[derive(Clone, Debug)]
pub struct Gemini {
    /// `None`: demo mode, in which the built-in emulator reads pages.
    pub api_key: Option<Secret>,
    base_url: String,
    /// The model that reads pages.
    pub model: String,
    /// The model that is asked for pages that the usual one does not read.
    pub fallback_model: Option<String>,
    /// The table of models. Settings of the operator replace properties of the model in use.
    pub models: Models,
}

impl Gemini {
    pub(super) fn read(from: &mut Settings) -> Self {
        let google = "https://generativelanguage.googleapis.com".to_owned();
        let name = from.value("gemini.model", "GEMINI_MODEL", models::DEFAULT.to_owned());
        let listed = models::model(&name);
        let media = from.or_none("gemini.media-tokens", "GEMINI_MEDIA_TOKENS", listed.media.map(Media));
        let prices = from.maybe("gemini.prices", "GEMINI_PRICES");
        let model = Model {
            thinking: from.value("gemini.thinking", "GEMINI_THINKING", Style(listed.thinking)).0,
            sampling: from.value("gemini.sampling", "GEMINI_SAMPLING", listed.sampling),
            media: media.map(|Media(tokens)| tokens),
            input_tokens_max: from.value("gemini.input-tokens-max", "GEMINI_INPUT_TOKENS_MAX", listed.input_tokens_max),
            output_tokens_max: from.value(
                "gemini.output-tokens-max",
                "GEMINI_OUTPUT_TOKENS_MAX",
                listed.output_tokens_max,
            ),
            prices: prices.map_or_else(|| listed.prices.clone(), |PriceTag(prices)| vec![(None, prices)]),
            ..listed.clone()
        };
        // An operator who describes the model describes the one that answers.
        let models = match model == listed {
            true => Models::default(),
            false => Models::default().with(Model { route: None, ..model }),
        };
        Self {
            api_key: from.secret("gemini.api-key", "GEMINI_API_KEY"),
            base_url: from.url("gemini.base-url", "GEMINI_BASE_URL").unwrap_or(google),
            fallback_model: from.maybe("gemini.fallback-model", "GEMINI_FALLBACK_MODEL"),
            model: name,
            models,
        }
    }

    /// Whether the server runs in demo mode: there is no key.
    pub const fn is_demo(&self) -> bool {
        self.api_key.is_none()
    }

    /// A client of Google or, in demo mode, of the emulator at this base URL.
    pub(super) fn client(&self, emulator: Option<String>) -> Result<Client> {
        let key = self.api_key.as_deref().unwrap_or("demo");
        let base_url = emulator.unwrap_or_else(|| self.base_url.clone());
        Client::new(Config::new(base_url, key)).map_err(Error::internal)
    }
}

/// How the amount of thinking is set for a model.
struct Style(Thinking);

impl FromStr for Style {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "levels" => Ok(Self(LOW_TO_HIGH)),
            "budget" => Ok(Self(Thinking::Budget)),
            "none" => Ok(Self(Thinking::Unknown)),
            _ => Err("it must be levels, budget or none"),
        }
    }
}

/// The tokens of a page at low, medium and high resolution.
struct Media(MediaTokens);

impl FromStr for Media {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tokens: Result<Vec<u32>, _> = text.split_whitespace().map(str::parse).collect();
        match tokens.as_deref() {
            Ok(&[low, medium, high]) => {
                Ok(Self(MediaTokens { low, medium, high, ultra_high: high, page: medium, image: high }))
            }
            _ => Err("it must be three numbers of tokens, for low, medium and high, or none"),
        }
    }
}

/// Dollars per million tokens, for input and for output.
struct PriceTag(Prices);

impl FromStr for PriceTag {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let amounts: Result<Vec<MicroDollars>, _> = text.split_whitespace().map(str::parse).collect();
        match amounts.as_deref() {
            Ok(&[MicroDollars(input), MicroDollars(output)]) => Ok(Self(Prices::uncached(input, output))),
            _ => Err("it must be two amounts of dollars, for input and output, as 0.75 3.75"),
        }
    }
}
