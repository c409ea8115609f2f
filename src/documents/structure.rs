//! The structure of a document over its pages: levels of headings, running heads, the table of contents, printed page numbers.
//!
//! Pages are read one by one, so what one page says of a heading's level contradicts the next. [`Scan`] takes the pages in order and keeps
//! the lines that may be titles. [`Scan::structure`] decides with the file's bookmarks, then the printed contents, then the numbers of
//! titles, then their style. Nothing here does I/O, and the same pages give the same structure.
//!
//! [`Structure::applied`] gives a page its levels and leaves out its running heads. It changes no other word (invariant C5).

mod anchors;
mod apply;
mod contents;
mod heads;
mod labels;
mod levels;
mod lines;
mod outline;
mod places;
mod titles;

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::model::wire::{OutlineEntry, PageCheck};
use contents::Link;
use lines::{PageLines, hash};

pub use anchors::References;

/// Grows when the same pages would get another structure.
pub const STRUCTURE_VERSION: u32 = 2;

/// What the file says of its own structure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guides {
    /// In reading order.
    pub bookmarks: Vec<Guide>,
    /// The printed number of each page of the file, such as `xii`; `None`: the file names none.
    pub labels: Option<Vec<String>>,
}

/// A title with its level, 1 being the highest, and its page, from 0, if that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guide {
    pub title: String,
    pub level: u8,
    pub page: Option<u32>,
}

/// A structure with what it was derived from beside the pages, and by which [`STRUCTURE_VERSION`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredStructure {
    pub version: u32,
    pub guides: Guides,
    pub structure: Structure,
}

/// The structure of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Structure {
    /// The number of the last page in the file.
    #[serde(default)]
    last_page: u32,
    /// The pages that change, by their index in the file.
    pages: BTreeMap<u32, PageStructure>,
    /// The printed numbers of pages that differ from the number of the page in the file.
    labels: BTreeMap<u32, String>,
    outline: Vec<OutlineEntry>,
    /// The page of each caption and each entry of a list of literature, by its name and number. `None`: several pages have it.
    #[serde(default)]
    captions: BTreeMap<String, Option<u32>>,
    /// How the pages that were read with AI agree with the file's own text. Pages without such a text are not listed.
    #[serde(default)]
    checks: BTreeMap<u32, PageCheck>,
    /// How many pages that were read with AI have no text of the file's own to compare with.
    #[serde(default)]
    unchecked: u32,
}

/// What is decided about a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PageStructure {
    /// Of the Markdown that the numbers of blocks belong to. Another text stays as it is.
    hash: u32,
    /// In the order of their blocks, which count from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<(u32, Change)>,
    /// The entries of a contents page: the hash of the line's letters and digits, and the id of the place that it leads to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    entries: Vec<(u32, String)>,
}

/// What a block becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Change {
    /// A heading of this level, 1 to 6.
    Heading(u8),
    /// The rest of the heading before it.
    Rest,
    /// A paragraph.
    Text,
    /// A running head, which is left out.
    Head,
}

/// The lines of a document that may be titles, gathered page by page.
#[derive(Debug, Default)]
pub struct Scan {
    pages: Vec<PageLines>,
}

impl Scan {
    /// Adds the next page; `index` counts from 0 in the file and increases.
    pub fn push(&mut self, index: u32, markdown: &str) {
        self.pages.push(PageLines::of(index, markdown));
    }

    /// Decides the structure of the pages.
    pub fn structure(&self, guides: &Guides) -> Structure {
        let pages = &self.pages;
        let labels = labels::of(pages, guides.labels.as_deref());
        let mut heads = heads::of(pages, &labels, &guides.bookmarks);
        let (guides, lists) = contents::guides(pages, &labels, &guides.bookmarks, &heads);
        let placed = places::of(pages, &guides, &heads);
        heads::add_titles(pages, &guides, &placed, &mut heads);
        let decided = levels::of(pages, &guides, &placed, &heads);
        let outline = outline::of(pages, &guides, &placed, &decided, &labels);
        let titles = outline.iter().map(|entry| ((entry.page, titles::folded(&entry.text)), entry.id.clone()));
        let titles: HashMap<(u32, String), String> = titles.collect();
        let last_page = pages.last().map_or(0, PageLines::number);
        let mut structure = Structure { last_page, outline, captions: captions(pages), ..Structure::default() };
        for (at, page) in pages.iter().enumerate() {
            let changes = levels::changes(page, &decided[at]);
            let anchor = |link: &Link| {
                let heading = titles.get(&(link.page, titles::folded(&link.title))).cloned();
                (hash(&link.line), heading.unwrap_or_else(|| format!("page-{}", link.page + 1)))
            };
            let entries: Vec<_> = lists.links(at).iter().map(anchor).collect();
            if !changes.is_empty() || !entries.is_empty() {
                structure.pages.insert(page.index, PageStructure { hash: page.hash, changes, entries });
            }
            if let Some(label) = labels[at].as_ref().filter(|label| **label != (page.index + 1).to_string()) {
                structure.labels.insert(page.index, label.clone());
            }
        }
        structure
    }
}

/// The pages of the captions. Those of a contents page are its entries.
fn captions(pages: &[PageLines]) -> BTreeMap<String, Option<u32>> {
    let mut captions = BTreeMap::new();
    for page in pages.iter().filter(|page| page.entries.is_empty()) {
        for target in &page.definitions {
            let known = captions.entry(anchors::key(target)).or_insert(Some(page.index));
            *known = known.filter(|known| *known == page.index);
        }
    }
    captions
}

impl Structure {
    /// Only an outline: no page changes.
    pub fn of_outline(outline: Vec<OutlineEntry>) -> Self {
        Self { outline, ..Self::default() }
    }

    #[must_use]
    pub fn with_checks(self, checks: BTreeMap<u32, PageCheck>, unchecked: u32) -> Self {
        Self { checks, unchecked, ..self }
    }

    /// How many pages that were read with AI have no text of the file's own to compare with.
    pub const fn unchecked(&self) -> u32 {
        self.unchecked
    }

    /// How the pages that were read with AI agree with the file's own text, where there is one.
    pub const fn checks(&self) -> &BTreeMap<u32, PageCheck> {
        &self.checks
    }

    /// The page, from 0, with this printed number; `p.` may stand before it.
    pub fn page_of(&self, label: &str) -> Option<u32> {
        let label = label.trim();
        let label = label.strip_prefix("p.").or_else(|| label.strip_prefix("p ")).unwrap_or(label).trim();
        let printed = self.labels.iter().find(|(_, other)| other.eq_ignore_ascii_case(label)).map(|(page, _)| *page);
        let in_file = || label.parse::<u32>().ok()?.checked_sub(1).filter(|page| !self.labels.contains_key(page));
        printed.or_else(in_file)
    }

    /// The title that a place belongs to: the last one before it that is a chapter or a section. `heading`: the number of the headings on
    /// the page before the place.
    pub fn chapter_of(&self, page: u32, headings: u32) -> Option<&str> {
        let is_before = |entry: &&OutlineEntry| match entry.page.cmp(&page) {
            Ordering::Equal => heading_of(&entry.id) <= headings,
            order => order.is_lt(),
        };
        self.outline.iter().rev().filter(|entry| entry.rank <= 2).find(is_before).map(|entry| entry.text.as_str())
    }

    /// The document's table of contents.
    pub fn outline(&self) -> &[OutlineEntry] {
        &self.outline
    }

    /// The printed number of a page, if it differs from its number in the file. `index` counts from 0.
    pub fn label(&self, index: u32) -> Option<&str> {
        self.labels.get(&index).map(String::as_str)
    }
}

/// The number of a heading on its page; 0 for the page itself.
fn heading_of(id: &str) -> u32 {
    id.splitn(3, '-').nth(2).and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
