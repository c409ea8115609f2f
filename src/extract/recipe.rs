//! How a page is put to Gemini: model, settings and prompt, the same in a batch and in realtime.

use std::sync::Arc;

use bytes::Bytes;

use super::prompt;
use coldbrew_gemini::models::{Model, Thinking};
use coldbrew_gemini::{GenerationConfig, MediaResolution, Request, SafetySetting, ThinkingConfig, ThinkingLevel};
use coldbrew_pdf::figures::Figure;

/// Everything besides the page that decides what Gemini answers. Results are kept by its name. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// `model/resolution/prompt version`
    name: Arc<str>,
}

impl Recipe {
    /// The recipe for that model.
    pub fn new(model: &str) -> Self {
        Self { name: format!("{model}/medium/{}", prompt::VERSION).into() }
    }

    /// The recipe of that name: what a job began with, it ends with, whatever has been configured since.
    pub fn named(name: &str) -> Self {
        Self { name: name.into() }
    }

    /// The request to `model` for one page, a PDF of its own, on which these figures were found. The answer is cut off after
    /// `output_tokens_max`: a model that rambles costs no more than that.
    pub fn request(&self, model: &Model, page: Bytes, figures: &[Figure], output_tokens_max: u32) -> Request {
        let thinking_config = match model.thinking {
            Thinking::Levels(_) => Some(ThinkingConfig::Level(ThinkingLevel::Low)),
            Thinking::Budget | Thinking::Unknown => None,
        };
        Request {
            generation_config: GenerationConfig {
                temperature: model.sampling.then_some(0.0),
                max_output_tokens: Some(output_tokens_max),
                media_resolution: model.media.map(|_| MediaResolution::Medium),
                thinking_config,
            },
            safety_settings: SafetySetting::BLOCK_NONE.to_vec(),
            ..Request::page("application/pdf", page, prompt::for_page(figures))
        }
    }

    /// Tells apart results that were made in different ways.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The model that is asked, as Google names it.
    pub fn model(&self) -> &str {
        self.name.split_once('/').map_or(&self.name, |(model, _)| model)
    }
}
