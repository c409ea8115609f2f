//! The request for a page: model, settings and prompt, the same in batch and realtime mode.

use std::sync::Arc;

use bytes::Bytes;

use super::ladder::Way;
use super::own_page::PageTraits;
use super::prompt::{self, PagePrompt};
use coldbrew_gemini::models::{Model, Thinking};
use coldbrew_gemini::{GenerationConfig, MediaResolution, Part, Request, SafetySetting, ThinkingConfig, ThinkingLevel};

/// How a job asks for its pages. Results are stored by its name. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// `model/prompt version`; earlier versions: `model/resolution/prompt version`.
    name: Arc<str>,
}

/// One request for one page.
#[derive(Clone, Debug)]
pub struct PageRequest<'a> {
    /// The model that is asked.
    pub model: &'a Model,
    pub way: Way,
    pub image: PageImage,
    pub prompt: PagePrompt<'a>,
    pub traits: PageTraits,
    /// The answer ends after so many tokens, which limits its cost.
    pub output_tokens_max: u32,
}

/// The page as a model sees it.
#[derive(Clone, Debug)]
pub enum PageImage {
    /// A PDF with one page.
    Pdf(Bytes),
    /// The upper and the lower half, WebP or JPEG.
    Halves([Bytes; 2]),
}

impl Recipe {
    /// The current recipe for that model.
    pub fn new(model: &str) -> Self {
        Self { name: format!("{model}/{}", prompt::VERSION).into() }
    }

    /// The recipe of that name. A job keeps its recipe when the configuration changes.
    pub fn named(name: &str) -> Self {
        Self { name: name.into() }
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

impl PageRequest<'_> {
    /// The request as Google gets it.
    pub fn request(&self) -> Request {
        let mut parts: Vec<Part> = match &self.image {
            PageImage::Pdf(pdf) => vec![inline("application/pdf", pdf)],
            PageImage::Halves(halves) => halves.iter().map(|half| inline(picture_type(half), half)).collect(),
        };
        parts.push(Part::Text(self.prompt.text(self.way)));
        Request {
            parts,
            generation_config: GenerationConfig {
                temperature: self.model.sampling.then_some(0.0),
                max_output_tokens: Some(self.output_tokens_max),
                media_resolution: self.model.media.map(|_| self.resolution()),
                thinking_config: self.thinking().map(ThinkingConfig::Level),
            },
            safety_settings: SafetySetting::BLOCK_NONE.to_vec(),
            ..Request::default()
        }
    }

    /// The name of the recipe of this one page: model, resolution, thinking, prompt version and way.
    pub fn name(&self) -> String {
        let resolution = if self.resolution() == MediaResolution::High { "high" } else { "medium" };
        let thinking = self.thinking().map(|level| level.name().to_ascii_lowercase());
        let thinking = thinking.as_deref().unwrap_or("default");
        format!("{}/{resolution}/{thinking}/{}/{}", self.model.id, prompt::VERSION, self.way.into_str())
    }

    /// High for what is too small or too coarse to be read otherwise.
    const fn resolution(&self) -> MediaResolution {
        let PageTraits { is_scan, looks, .. } = self.traits;
        if is_scan || looks.has_small_type || looks.is_large { MediaResolution::High } else { MediaResolution::Medium }
    }

    /// More for a page with tables, whose cells have to be found. `None`: the model knows no levels.
    fn thinking(&self) -> Option<ThinkingLevel> {
        match self.model.thinking {
            Thinking::Levels(levels) if self.traits.has_tables && levels.contains(&ThinkingLevel::Medium) => {
                Some(ThinkingLevel::Medium)
            }
            Thinking::Levels(_) => Some(ThinkingLevel::Low),
            Thinking::Budget | Thinking::Unknown => None,
        }
    }
}

fn inline(mime_type: &str, data: &Bytes) -> Part {
    Part::Inline { mime_type: mime_type.to_owned(), data: data.clone() }
}

fn picture_type(picture: &[u8]) -> &'static str {
    if picture.starts_with(b"RIFF") { "image/webp" } else { "image/jpeg" }
}

#[cfg(test)]
mod tests {
    use coldbrew_gemini::models::{DEFAULT, Models};

    use super::*;
    use coldbrew_pdf::PageLooks;

    fn request(traits: PageTraits, way: Way, image: PageImage) -> (Request, String) {
        let model = Models::default().get(DEFAULT);
        let prompt = PagePrompt::default();
        let asked = PageRequest { model: &model, way, image, prompt, traits, output_tokens_max: 9_000 };
        (asked.request(), asked.name())
    }

    fn pdf() -> PageImage {
        PageImage::Pdf(Bytes::from_static(b"%PDF-"))
    }

    #[test]
    fn page_is_read_at_the_resolution_and_thinking_that_it_needs() {
        let (plain, name) = request(PageTraits::default(), Way::Usual, pdf());
        assert_eq!(plain.generation_config.media_resolution, Some(MediaResolution::Medium));
        assert_eq!(plain.generation_config.thinking_config, Some(ThinkingConfig::Level(ThinkingLevel::Low)));
        assert_eq!(name, format!("{DEFAULT}/medium/low/p3/usual"));
        let small = PageLooks { has_small_type: true, ..PageLooks::default() };
        let hard = PageTraits { has_tables: true, looks: small, ..PageTraits::default() };
        let (hard, name) = request(hard, Way::Grounded, pdf());
        assert_eq!(hard.generation_config.media_resolution, Some(MediaResolution::High));
        assert_eq!(hard.generation_config.thinking_config, Some(ThinkingConfig::Level(ThinkingLevel::Medium)));
        assert_eq!(name, format!("{DEFAULT}/high/medium/p3/grounded"));
    }

    #[test]
    fn halves_are_sent_as_two_pictures_before_the_prompt() {
        let halves = [Bytes::from_static(b"RIFF"), Bytes::from_static(b"\xff\xd8\xff")];
        let (asked, _) = request(PageTraits::default(), Way::Halves, PageImage::Halves(halves));
        let types = asked.parts.iter().filter_map(|part| match part {
            Part::Inline { mime_type, .. } => Some(mime_type.as_str()),
            Part::Text(_) => None,
        });
        let types: Vec<_> = types.collect();
        assert_eq!((types, asked.parts.len()), (vec!["image/webp", "image/jpeg"], 3));
    }
}
