//! Surveys a document before its pages are read, and keeps the pages that it has read on the way.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::faces::Faces;
use super::pdfium::{OpenDocument, ReadPage};
use crate::document::PageText;
use crate::error::PageFault;
use crate::text::{self, Survey};

/// The pages of most documents are read in a tenth of this time.
const TIME_MAX: Duration = Duration::from_secs(3);
/// Characters of surveyed pages that are kept.
const CHARS_KEPT_MAX: usize = 400_000;
/// A page with more characters is not surveyed.
const CHARS_MAX: usize = 60_000;

/// What is known about the document, and its surveyed pages.
#[derive(Default)]
pub(super) struct Surveyor {
    survey: Option<Survey>,
    pages: HashMap<u32, ReadPage>,
    faces: Faces,
}

impl Surveyor {
    /// Surveys a sample of the pages. It says the same whatever page is read first. Returns it as JSON.
    pub(super) fn survey(&mut self, document: &OpenDocument) -> Vec<u8> {
        let bookmarks = document.bookmarks();
        let start = Instant::now();
        let mut chars = 0;
        for index in text::sample(document.total_pages(), &bookmarks) {
            // A page that cannot be read is one failed page, later.
            let Ok(page) = document.read(index, &mut self.faces, None) else { continue };
            let count = page.glyphs.glyphs.len();
            if count <= CHARS_MAX && chars + count <= CHARS_KEPT_MAX {
                chars += count;
                self.pages.insert(index, page);
            }
            if start.elapsed() > TIME_MAX {
                break;
            }
        }
        let mut pages: Vec<_> = self.pages.iter().map(|(index, page)| (*index, &page.glyphs)).collect();
        pages.sort_by_key(|(index, _)| *index);
        let survey = text::survey(pages.into_iter(), &bookmarks);
        let json = serde_json::to_vec(&survey).unwrap_or_default();
        self.survey = Some(survey);
        json
    }

    /// Uses the survey of another worker. Without a usable one, each page is judged alone.
    pub(super) fn use_survey(&mut self, json: &[u8]) {
        self.survey = Some(serde_json::from_slice(json).unwrap_or_default());
    }

    /// The text of a page. `None`: there is no survey yet.
    pub(super) fn text(&mut self, document: &OpenDocument, index: u32) -> Result<Option<PageText>, PageFault> {
        let Some(survey) = &self.survey else { return Ok(None) };
        let page = match self.pages.remove(&index) {
            Some(page) => page,
            None => document.read(index, &mut self.faces, Some(survey))?,
        };
        let ReadPage { glyphs, chars_visible, is_scan, looks } = page;
        let markdown = if survey.is_empty() {
            text::to_markdown(&glyphs, index, &text::survey([(index, &glyphs)].into_iter(), &[]))
        } else {
            text::to_markdown(&glyphs, index, survey)
        };
        Ok(Some(PageText { markdown, chars_visible, is_scan, looks }))
    }
}
