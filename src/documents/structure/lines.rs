//! The lines of a page that may be titles or running heads.

use std::hash::Hasher;

use super::contents::{Entry, entries};
use super::titles::Title;
use crate::markdown::blocks::{Block, Kind, blocks};
use crate::markdown::references::{Target, definitions};

/// Longer lines are no titles.
const LINE_CHARS_MAX: usize = 160;
/// More lines of a page are not looked at.
const LINES_MAX: usize = 400;

/// A page's lines.
#[derive(Debug)]
pub(super) struct PageLines {
    /// In the file, from 0.
    pub(super) index: u32,
    pub(super) hash: u32,
    /// In reading order.
    pub(super) lines: Vec<Line>,
    /// How many blocks the page has.
    pub(super) blocks: usize,
    /// What looks like an entry of a table of contents, if most of the page does.
    pub(super) entries: Vec<Entry>,
    /// The captions, and the entries of a list of literature.
    pub(super) definitions: Vec<Target>,
}

/// A heading, or a paragraph of one line.
#[derive(Debug)]
pub(super) struct Line {
    /// The number of its block on the page, from 0.
    pub(super) block: usize,
    /// The level that its page gives it; `None`: it is a paragraph.
    pub(super) style: Option<u8>,
    /// Its words on one line.
    pub(super) text: String,
    pub(super) title: Title,
    /// Headings inside other blocks, such as quotations, before it on its page.
    pub(super) inner_headings: u32,
}

impl PageLines {
    pub(super) fn of(index: u32, markdown: &str) -> Self {
        let blocks = blocks(markdown);
        let mut inner_headings = 0;
        let mut lines = Vec::new();
        for (number, block) in blocks.iter().enumerate() {
            lines.extend(Line::of(number, block, inner_headings));
            inner_headings += block.inner_headings;
        }
        lines.truncate(LINES_MAX);
        Self {
            index,
            hash: hash(markdown),
            lines,
            blocks: blocks.len(),
            entries: entries(markdown),
            definitions: definitions(markdown),
        }
    }

    /// The number of the page in the file, from 1.
    pub(super) const fn number(&self) -> u32 {
        self.index + 1
    }

    /// Whether a line is an entry of a table of contents.
    pub(super) fn is_entry(&self, line: &Line) -> bool {
        self.entries.iter().any(|entry| entry.whole == line.title.whole)
    }
}

impl Line {
    fn of(number: usize, block: &Block, inner_headings: u32) -> Option<Self> {
        let style = match block.kind {
            Kind::Heading(level) => Some(level),
            Kind::Paragraph if !block.text.trim().contains('\n') => None,
            _ => return None,
        };
        let text = block.text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() || text.chars().count() > LINE_CHARS_MAX {
            return None;
        }
        let title = Title::of(&text);
        Some(Self { block: number, style, text, title, inner_headings })
    }
}

/// Tells a text from another that replaced it.
pub(super) fn hash(markdown: &str) -> u32 {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    hasher.write(markdown.as_bytes());
    let hash = hasher.finish();
    (hash ^ (hash >> 32)) as u32
}

/// FNV-1a: the same number in every version and on every machine, as the standard library's hasher does not promise.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
