//! Joins the pages of a document to one text: paragraphs and words that a page break cut are joined, and nothing else changes.
//!
//! Pages are pushed one by one. Only a page whose last paragraph may continue is held back. A page larger than [`PAGE_BYTES_MAX`] is
//! passed on unparsed.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::FigureAddress;
use super::{OPTIONS, PAGE_BYTES_MAX, Source, page_mark};

/// The most pages that one paragraph spans. It limits the memory for a page that is held back.
const PAGES_HELD_MAX: u32 = 8;

/// A page's part of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Counts from 1.
    pub page: u32,
    /// It contains the marks of later pages that begin in it, but not that of its own page.
    pub markdown: String,
    /// `false`: an earlier part contains the page's mark.
    pub is_start: bool,
}

/// Takes pages in order and returns parts in order.
#[derive(Debug, Default)]
pub struct Flow {
    held: Option<Held>,
}

/// The part that is held back.
#[derive(Debug)]
struct Held {
    part: Part,
    /// The last page with text in the part.
    last_page: u32,
    /// The range of the paragraph that may continue on the next page.
    tail: Option<Range<usize>>,
}

impl Flow {
    /// Adds the next page; `page` counts from 1. Footnotes must have unique labels, see [`with_own_footnotes`]. Returns the part that is
    /// complete, if any.
    pub fn push(&mut self, page: u32, markdown: &str) -> Option<Part> {
        let mut next = Part { page, markdown: markdown.trim_matches('\n').to_owned(), is_start: true };
        if let Some(held) = &mut self.held
            && page == held.last_page + 1
            && page - held.part.page < PAGES_HELD_MAX
            && held.join(&mut next)
            && next.markdown.is_empty()
        {
            return None;
        }
        let done = self.held.take().map(|held| held.part);
        let tail = tail(&next.markdown);
        self.held = Some(Held { last_page: page, part: next, tail });
        done
    }

    /// The part that is held back, after the last page.
    pub fn finish(self) -> Option<Part> {
        self.held.map(|held| held.part)
    }
}

impl Held {
    /// Moves the first paragraph of `next` here if it continues the last one of this part. Returns whether it did.
    fn join(&mut self, next: &mut Part) -> bool {
        let (Some(tail), Some(head)) = (self.tail.clone(), head(&next.markdown)) else { return false };
        let (before, after) = (&self.part.markdown[tail.clone()], &next.markdown[head.clone()]);
        if before.len() + after.len() > PAGE_BYTES_MAX {
            return false;
        }
        let Some(joined) = joined(before, after, next.page) else { return false };
        let paragraph = tail.start..tail.start + joined.len();
        self.part.markdown.replace_range(tail, &joined);
        let notes = notes_of(&next.markdown, &joined);
        for note in &notes {
            self.part.markdown.push_str("\n\n");
            self.part.markdown.push_str(next.markdown[note.clone()].trim_end());
        }
        next.markdown = without(&next.markdown, [head].into_iter().chain(notes).collect());
        next.is_start = false;
        self.last_page = next.page;
        // The joined paragraph may continue if nothing else is on the page.
        self.tail = Some(paragraph);
        true
    }
}

/// The page with `p{page}-` before the labels of its footnotes, which makes them unique in the document.
pub fn with_own_footnotes(markdown: &str, page: u32) -> String {
    if markdown.len() > PAGE_BYTES_MAX {
        return markdown.to_owned();
    }
    let mut labels: Vec<usize> = Parser::new_ext(markdown, OPTIONS)
        .into_offset_iter()
        .filter(|(event, _)| matches!(event, Event::FootnoteReference(_) | Event::Start(Tag::FootnoteDefinition(_))))
        .filter_map(|(_, range)| Some(range.start + markdown[range].find("[^")? + 2))
        .collect();
    labels.sort_unstable();
    let prefix = format!("p{page}-");
    replaced(markdown, labels.into_iter().map(|label| (label..label, prefix.as_str())))
}

/// The text with some ranges replaced. They must be in order and not overlap.
pub fn replaced<T: AsRef<str>>(text: &str, changes: impl IntoIterator<Item = (Range<usize>, T)>) -> String {
    let mut changed = String::with_capacity(text.len());
    let mut done = 0;
    for (range, new) in changes {
        changed.push_str(&text[done..range.start]);
        changed.push_str(new.as_ref());
        done = range.end;
    }
    changed.push_str(&text[done..]);
    changed
}

/// A block of the outermost level.
struct Block {
    range: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Paragraph,
    /// A figure or a footnote, which is not part of the running text.
    Aside,
    Other,
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    if markdown.len() > PAGE_BYTES_MAX {
        return blocks;
    }
    let mut depth = 0;
    let mut text_seen = false;
    for (event, range) in Parser::new_ext(markdown, OPTIONS).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if depth == 0 {
                    let kind = match tag {
                        Tag::Paragraph => Kind::Paragraph,
                        Tag::FootnoteDefinition(_) => Kind::Aside,
                        _ => Kind::Other,
                    };
                    blocks.push(Block { range, kind });
                    text_seen = false;
                } else if let Tag::Image { dest_url, .. } = &tag
                    && depth == 1
                {
                    // A figure's caption is not running text. An image from another site may be part of it.
                    text_seen |= FigureAddress::of(dest_url).is_none();
                }
                depth += 1;
            }
            Event::End(end) => {
                depth -= 1;
                if end == TagEnd::Paragraph
                    && depth == 0
                    && !text_seen
                    && let Some(block) = blocks.last_mut()
                {
                    block.kind = Kind::Aside;
                }
            }
            Event::SoftBreak => {}
            _ if depth == 0 => blocks.push(Block { range, kind: Kind::Other }),
            _ => text_seen |= depth == 1,
        }
    }
    blocks
}

/// The last paragraph of a page's running text, if the text ends with one.
fn tail(markdown: &str) -> Option<Range<usize>> {
    paragraph(markdown, blocks(markdown).into_iter().rev())
}

/// The first paragraph of a page's running text, if the text begins with one.
fn head(markdown: &str) -> Option<Range<usize>> {
    paragraph(markdown, blocks(markdown).into_iter())
}

fn paragraph(markdown: &str, mut blocks: impl Iterator<Item = Block>) -> Option<Range<usize>> {
    let block = blocks.find(|block| block.kind != Kind::Aside).filter(|block| block.kind == Kind::Paragraph)?;
    let text = markdown[block.range.clone()].trim_end();
    Some(block.range.start..block.range.start + text.len())
}

/// The two halves of a paragraph, with the mark of the second page between them. `None`: they are two paragraphs.
fn joined(before: &str, after: &str, page: u32) -> Option<String> {
    let mark = page_mark(page);
    let first = after.chars().find(|c| !matches!(c, '*' | '_' | '"' | '“' | '‘' | '('))?;
    let last = before.chars().rev().find(|c| !matches!(c, '*' | '_'))?;
    let joined = if first.is_lowercase()
        && let Some(stem) = cut_word(before)
    {
        format!("{stem}{mark}{after}")
    } else if is_open(last, first) {
        let space = if is_spaceless(last) && is_spaceless(first) { "" } else { " " };
        format!("{before}{space}{mark}{after}")
    } else {
        return None;
    };
    // Emphasis or code in one half must not extend into the other.
    let spaceless = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let stem = cut_word(before).filter(|_| first.is_lowercase()).unwrap_or(before);
    let halves = spaceless(&plain(stem)) + &spaceless(&plain(after));
    (spaceless(&plain(&joined).replace(&mark, "")) == halves).then_some(joined)
}

/// The text without the hyphen that cuts its last word. A word with another hyphen keeps both, since it is a compound.
fn cut_word(text: &str) -> Option<&str> {
    let stem = text.strip_suffix(['-', '\u{2010}', '\u{ad}'])?;
    let word = stem.rsplit(char::is_whitespace).next()?;
    (word.ends_with(char::is_alphabetic) && !word.contains(['-', '\u{2010}'])).then_some(stem)
}

/// Whether a text that ends with `last` continues in one that begins with `first`.
fn is_open(last: char, first: char) -> bool {
    let is_caseless = |c: char| c.is_alphabetic() && !c.is_lowercase() && !c.is_uppercase();
    let ends = matches!(last, '.' | '!' | '?' | ':' | '…' | '。' | '！' | '？' | '：' | '۔' | '؟' | '।');
    !ends && (first.is_lowercase() || is_caseless(first) && is_caseless(last))
}

/// Chinese and Japanese are written without spaces.
const fn is_spaceless(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}')
}

/// The footnotes of a page that a paragraph refers to.
fn notes_of(markdown: &str, paragraph: &str) -> Vec<Range<usize>> {
    let is_wanted = |range: &Range<usize>| {
        let label = markdown[range.clone()].split_once(':').map(|(label, _)| label.trim());
        label.is_some_and(|label| label.starts_with("[^") && paragraph.contains(label))
    };
    blocks(markdown)
        .into_iter()
        .filter(|block| block.kind == Kind::Aside)
        .map(|block| block.range)
        .filter(is_wanted)
        .collect()
}

fn without(markdown: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_by_key(|range| range.start);
    replaced(markdown, ranges.into_iter().map(|range| (range, ""))).trim_matches('\n').to_owned()
}

/// The visible text.
fn plain(markdown: &str) -> String {
    let mut text = String::new();
    for event in Source::of(markdown).events() {
        match event {
            Event::Text(words) | Event::Code(words) | Event::InlineMath(words) | Event::DisplayMath(words) => {
                text.push_str(&words);
            }
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests;
