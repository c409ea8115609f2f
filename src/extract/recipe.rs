//! The request for a page: model, settings and prompt, the same in batch and realtime mode.

use std::sync::Arc;

use bytes::Bytes;

use super::prompt;
use coldbrew_gemini::models::{Model, Thinking};
use coldbrew_gemini::{GenerationConfig, MediaResolution, Request, SafetySetting, ThinkingConfig, ThinkingLevel};
use coldbrew_pdf::figures::Figure;

/// The model, settings and prompt of a request. Results are stored by its name. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// `model/resolution/prompt version`
    name: Arc<str>,
}

impl Recipe {
    /// The current recipe for that model.
    pub fn new(model: &str) -> Self {
        Self { name: format!("{model}/medium/{}", prompt::VERSION).into() }
    }

    /// The recipe of that name. A job keeps its recipe when the configuration changes.
    pub fn named(name: &str) -> Self {
        Self { name: name.into() }
    }

    /// The request to `model` for one page, a PDF with one page, with its figures. The answer ends after `output_tokens_max`, which limits
    /// its cost.
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

    /// The name, equal only for equal recipes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Google's name of the model.
    pub fn model(&self) -> &str {
        self.name.split_once('/').map_or(&self.name, |(model, _)| model)
    }
}
