//! Joins the pages of a document to one text: words, paragraphs, tables and footnotes that a page break cut. No word changes, but the head
//! of a table that a page repeats is left out.
//!
//! Pages are pushed one by one. Only a page whose last paragraph may continue is held back. A page larger than [`PAGE_BYTES_MAX`] is
//! passed on unparsed.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag};

use super::blocks::{Block, Kind, blocks};
use super::{OPTIONS, PAGE_BYTES_MAX, Source, page_mark};

/// The most pages that one paragraph or table spans. It limits the memory for a page that is held back.
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
    /// The block that may continue on the next page.
    tail: Option<End>,
}

impl Flow {
    /// Adds the next page; `page` counts from 1. Footnotes must have unique labels, see [`with_own_footnotes`]. Returns the part that is
    /// complete, if any.
    pub fn push(&mut self, page: u32, markdown: &str) -> Option<Part> {
        let mut next = Part { page, markdown: markdown.trim_matches('\n').to_owned(), is_start: true };
        if let Some(held) = &mut self.held
            && page == held.last_page + 1
            && page - held.part.page < PAGES_HELD_MAX
        {
            held.join_footnote(&mut next);
            if held.join(&mut next) && next.markdown.is_empty() {
                return None;
            }
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
    /// Moves the first block of `next` here if it continues the last one of this part. Returns whether it did.
    fn join(&mut self, next: &mut Part) -> bool {
        let (Some(tail), Some(head)) = (self.tail.clone(), head(&next.markdown)) else { return false };
        let (before, after) = (&self.part.markdown[tail.range.clone()], &next.markdown[head.range.clone()]);
        if before.len() + after.len() > PAGE_BYTES_MAX || tail.kind != head.kind {
            return false;
        }
        let mark = page_mark(next.page);
        let joined = if tail.kind == Kind::Table { tables(before, after, &mark) } else { joined(before, after, &mark) };
        let Some(joined) = joined else { return false };
        let range = tail.range.start..tail.range.start + joined.len();
        self.part.markdown.replace_range(tail.range, &joined);
        let notes = notes_of(&next.markdown, &joined);
        for note in &notes {
            self.part.markdown.push_str("\n\n");
            self.part.markdown.push_str(next.markdown[note.clone()].trim_end());
        }
        next.markdown = without(&next.markdown, [head.range].into_iter().chain(notes).collect());
        next.is_start = false;
        self.last_page = next.page;
        // The joined block may continue if nothing else is on the page.
        self.tail = Some(End { range, kind: tail.kind });
        true
    }

    /// Moves what continues the last footnote of this part here.
    fn join_footnote(&mut self, next: &mut Part) {
        let ours = blocks(&self.part.markdown);
        let Some(note) = ours.last().filter(|block| block.kind == Kind::Footnote) else { return };
        let note = trimmed(&self.part.markdown, note);
        let Some((block, text)) = rest_of_footnote(&next.markdown) else { return };
        if note.len() + text.len() > PAGE_BYTES_MAX {
            return;
        }
        let Some(joined) = joined(&self.part.markdown[note.clone()], &next.markdown[text], "") else { return };
        if !matches!(blocks(&joined).as_slice(), [block] if block.kind == Kind::Footnote) {
            return;
        }
        self.part.markdown.replace_range(note, &joined);
        next.markdown = without(&next.markdown, vec![block]);
    }
}

/// A block at the beginning or the end of a page's running text.
#[derive(Clone, Debug)]
struct End {
    range: Range<usize>,
    /// A paragraph or a table.
    kind: Kind,
}

/// The block of a page that continues a footnote of the page before, and the range of its text. It is a footnote to which nothing on its
/// page refers, or a paragraph at the foot of the page.
fn rest_of_footnote(markdown: &str) -> Option<(Range<usize>, Range<usize>)> {
    let blocks = blocks(markdown);
    let is_unnamed = |block: &&Block| {
        let label = markdown[block.range.clone()].split_once(':').map(|(label, _)| label.trim());
        block.kind == Kind::Footnote && label.is_some_and(|label| markdown.matches(label).count() == 1)
    };
    if let Some(note) = blocks.iter().find(is_unnamed) {
        let range = trimmed(markdown, note);
        let colon = markdown[range.clone()].find(':')? + 1;
        let text = &markdown[range.start + colon..range.end];
        return Some((note.range.clone(), range.end - text.trim_start().len()..range.end));
    }
    let mut from_end = blocks.iter().rev().skip_while(|block| block.kind == Kind::Footnote);
    let last = from_end.next().filter(|block| block.kind == Kind::Paragraph)?;
    let before = from_end.find(|block| block.kind != Kind::Figure)?;
    // Text that goes on after a sentence has ended is no part of that text.
    let ended =
        before.kind == Kind::Paragraph && before.text.trim_end().ends_with(['.', '!', '?', '”', '"', ')', '。']);
    ended.then(|| (last.range.clone(), trimmed(markdown, last)))
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

/// The last block of a page's running text, if it may continue.
fn tail(markdown: &str) -> Option<End> {
    end(markdown, blocks(markdown).into_iter().rev())
}

/// The first block of a page's running text, if it may continue another.
fn head(markdown: &str) -> Option<End> {
    end(markdown, blocks(markdown).into_iter())
}

fn end(markdown: &str, mut blocks: impl Iterator<Item = Block>) -> Option<End> {
    let block = blocks.find(|block| !block.kind.is_aside())?;
    let range = trimmed(markdown, &block);
    matches!(block.kind, Kind::Paragraph | Kind::Table).then_some(End { range, kind: block.kind })
}

/// The range of a block without the white space after it.
fn trimmed(markdown: &str, block: &Block) -> Range<usize> {
    block.range.start..block.range.start + markdown[block.range.clone()].trim_end().len()
}

/// The two parts of a table, with the mark of the second page in its first cell. The head of the second part must be that of the first, or
/// empty; it is left out. `None`: they are two tables.
fn tables(before: &str, after: &str, mark: &str) -> Option<String> {
    let mut rows = after.lines();
    let (head, rule, first) = (rows.next()?, rows.next()?, rows.next()?);
    let cells = |row: &str| {
        let row = row.trim().trim_start_matches('|');
        let row = row.strip_suffix('|').unwrap_or(row);
        row.split('|').map(|cell| plain(cell).trim().to_owned()).collect::<Vec<_>>()
    };
    let ours = cells(before.lines().next()?);
    let theirs = cells(head);
    let is_repeated = theirs == ours || theirs.iter().all(String::is_empty);
    if theirs.len() != ours.len() || !is_repeated || cells(rule).len() != ours.len() {
        return None;
    }
    let at = first.len() - first.trim_start().trim_start_matches('|').len();
    let first = format!("{}{mark}{}", &first[..at], &first[at..]);
    let joined = [before, &first].into_iter().chain(rows).collect::<Vec<_>>().join("\n");
    let spaceless = |text: &str| plain(text).chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let without_head = spaceless(after).strip_prefix(&spaceless(&format!("{head}\n{rule}")))?.to_owned();
    let is_one = matches!(blocks(&joined).as_slice(), [block] if block.kind == Kind::Table);
    let is_whole = spaceless(&joined).replace(&spaceless(mark), "") == spaceless(before) + &without_head;
    (is_one && is_whole).then_some(joined)
}

/// The two halves of a paragraph, with the mark of the second page between them. `None`: they are two paragraphs.
fn joined(before: &str, after: &str, mark: &str) -> Option<String> {
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
    (spaceless(&plain(&joined).replace(mark, "")) == halves).then_some(joined)
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
        .filter(|block| block.kind.is_aside())
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
