//! Which model refuses a page as recitation, and when a page passes.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// The model that refuses each page: the first that was asked for it. Filters differ by model
/// (<https://github.com/Embassy-of-the-Free-Mind/sourcelibrary-v2/issues/2392>, read 2026-11-30).
#[derive(Default)]
pub(crate) struct Recitations {
    by_page: Mutex<HashMap<String, String>>,
}

impl Recitations {
    /// Whether this model refuses a page that is met by the fault.
    pub(crate) fn refuses(&self, page: &str, model: &str) -> bool {
        let mut by_page = self.by_page.lock().unwrap_or_else(PoisonError::into_inner);
        by_page.entry(page.to_owned()).or_insert_with(|| model.to_owned()) == model
    }
}

/// Words that follow each other and are compared as one.
const RUN: usize = 3;

/// Whether the prompt has the text of the page: most runs of three words, whatever stands between the words.
pub(crate) fn has_text_of(prompt: &str, page: &str) -> bool {
    let (prompt, page) = (words(prompt), words(page));
    let run = RUN.min(page.len()).max(1);
    let known: HashSet<&[String]> = prompt.windows(run).collect();
    let found = page.windows(run).filter(|words| known.contains(words)).count();
    found > 0 && found * 2 > page.windows(run).count()
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}
