//! What the file itself says of a page. The judge compares answers with it, the recipe depends on it, and it stands in the place of a page
//! that Gemini would not read.

use serde::{Deserialize, Serialize};

use super::judge::PageFacts;
use coldbrew_pdf::PageLooks;

/// What the file itself says of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnPage {
    /// Markdown; empty if the page has no text of its own.
    pub text: String,
    pub traits: PageTraits,
}

/// What makes a page easy or hard to read. It is stored as JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PageTraits {
    /// The page is a picture of text. Text behind the picture was recognised by another program.
    pub is_scan: bool,
    pub has_tables: bool,
    #[serde(flatten)]
    pub looks: PageLooks,
}

impl OwnPage {
    /// What the judge knows of the page. The text behind a scan is no truth to compare with.
    pub fn facts(&self, figures: usize) -> PageFacts<'_> {
        PageFacts { text: (!self.traits.is_scan).then_some(self.text.as_str()), figures }
    }

    /// Whether there is nothing to read on the page.
    pub fn is_blank(&self) -> bool {
        self.traits.looks.is_blank && self.text.trim().is_empty()
    }
}
