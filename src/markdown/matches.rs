//! Finds a query in the text of a page. Case, spacing and emphasis are ignored, and a hit is within one block.

use std::ops::Range;

use pulldown_cmark::{CowStr, Event, Tag};

/// Longer queries are cut.
const QUERY_CHARS_MAX: usize = 200;
/// The length of the text that is shown on either side of a hit.
const CONTEXT_CHARS: usize = 70;
/// Separates blocks. A query never contains it.
const BLOCK_END: char = '\n';

/// A query: at least one character, in lower case, with single spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    folded: String,
}

impl Query {
    /// `None` if the text has no visible character.
    pub fn parse(text: &str) -> Option<Self> {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let folded: String =
            words.chars().filter(|&c| is_visible(c)).take(QUERY_CHARS_MAX).flat_map(char::to_lowercase).collect();
        (!folded.is_empty()).then_some(Self { folded })
    }
}

/// A match of the query, with the text around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// How many headings of the page begin before it.
    pub headings: u32,
    pub before: String,
    pub found: String,
    pub after: String,
}

/// The number of hits on a page, and the first `listed_max` of them, in the order in which [`marked`] numbers them.
pub fn hits<'a>(events: impl Iterator<Item = Event<'a>>, query: &Query, listed_max: usize) -> (usize, Vec<Hit>) {
    let mut text = Searchable::default();
    for (index, event) in events.enumerate() {
        text.take(index, &event);
    }
    let found = text.matches(query);
    let listed = found.iter().take(listed_max).map(|range| text.hit(range.clone())).collect();
    (found.len(), listed)
}

/// The same events with each hit in `mark` elements. The first of a hit has the id `hit-{page}-{number}`. Numbers continue after `seen`.
pub fn marked<'a>(events: Vec<Event<'a>>, query: &Query, page_number: u32, seen: &mut usize) -> Vec<Event<'a>> {
    let mut text = Searchable::default();
    for (index, event) in events.iter().enumerate() {
        text.take(index, event);
    }
    let mut pieces = Vec::new();
    for range in text.matches(query) {
        *seen += 1;
        text.pieces(range, &format!(" id=\"hit-{page_number}-{seen}\""), &mut pieces);
    }
    let mut pieces = pieces.into_iter().peekable();
    let mut marked = Vec::with_capacity(events.len());
    for (index, event) in events.into_iter().enumerate() {
        let mut own = Vec::new();
        while let Some(piece) = pieces.next_if(|piece| piece.event == index) {
            own.push(piece);
        }
        if own.is_empty() { marked.push(event) } else { mark(event, &own, &mut marked) }
    }
    marked
}

/// A part of one event that belongs to a hit.
struct Piece {
    event: usize,
    bytes: Range<usize>,
    id: String,
}

fn mark<'a>(event: Event<'a>, pieces: &[Piece], marked: &mut Vec<Event<'a>>) {
    let open = |piece: &Piece| Event::Html(format!("<mark{}>", piece.id).into());
    let close = || Event::Html("</mark>".into());
    let (Event::Text(text) | Event::Code(text)) = &event else {
        // A line break is marked as a whole.
        marked.extend([open(&pieces[0]), event, close()]);
        return;
    };
    let part = |range: Range<usize>| {
        let part = CowStr::from(text[range].to_owned());
        if matches!(event, Event::Code(_)) { Event::Code(part) } else { Event::Text(part) }
    };
    let mut done = 0;
    for piece in pieces {
        if done < piece.bytes.start {
            marked.push(part(done..piece.bytes.start));
        }
        marked.extend([open(piece), part(piece.bytes.clone()), close()]);
        done = piece.bytes.end;
    }
    if done < text.len() {
        marked.push(part(done..text.len()));
    }
}

/// A page's text, prepared for searching.
#[derive(Default)]
struct Searchable {
    /// The text in lower case.
    folded: String,
    chars: Vec<Char>,
    /// The indices of the characters before which headings begin.
    headings: Vec<usize>,
}

/// One character of the folded text, with its origin.
struct Char {
    /// Its offset in the folded text.
    at: usize,
    original: char,
    event: usize,
    bytes: Range<usize>,
}

impl Searchable {
    fn take(&mut self, index: usize, event: &Event<'_>) {
        if let Event::Start(Tag::Heading { .. }) = event {
            self.headings.push(self.chars.len());
        }
        match event {
            Event::Text(text) | Event::Code(text) => {
                for (start, c) in text.char_indices() {
                    self.push(index, c, start..start + c.len_utf8());
                }
            }
            Event::SoftBreak | Event::HardBreak => self.push(index, ' ', 0..0),
            Event::Start(tag) if is_inline(tag) => {}
            Event::End(tag) if is_inline_end(*tag) => {}
            Event::FootnoteReference(_) => {}
            _ => self.push(index, BLOCK_END, 0..0),
        }
    }

    fn push(&mut self, event: usize, c: char, bytes: Range<usize>) {
        let original = if c.is_whitespace() && c != BLOCK_END { ' ' } else { c };
        let doubled = original == ' ' && self.chars.last().is_some_and(|last| last.original == ' ');
        if doubled || !is_visible(c) {
            return;
        }
        for folded in original.to_lowercase() {
            self.chars.push(Char { at: self.folded.len(), original, event, bytes: bytes.clone() });
            self.folded.push(folded);
        }
    }

    /// The matches of the query as ranges of `chars`, from left to right, without overlap.
    fn matches(&self, query: &Query) -> Vec<Range<usize>> {
        let char_at = |at: usize| self.chars.partition_point(|c| c.at < at);
        let found = self.folded.match_indices(query.folded.as_str());
        found.map(|(at, found)| char_at(at)..char_at(at + found.len())).collect()
    }

    fn hit(&self, range: Range<usize>) -> Hit {
        let is_end = |c: &Char| c.original == BLOCK_END;
        let before: Vec<&Char> =
            self.chars[..range.start].iter().rev().take_while(|c| !is_end(c)).take(CONTEXT_CHARS).collect();
        let after = self.chars[range.end..].iter().take_while(|c| !is_end(c)).take(CONTEXT_CHARS);
        let before_text = text_of(before.into_iter().rev());
        let after_text = text_of(after);
        let cut_before =
            range.start.checked_sub(CONTEXT_CHARS).is_some_and(|_| before_text.chars().count() >= CONTEXT_CHARS);
        let cut_after = after_text.chars().count() >= CONTEXT_CHARS;
        Hit {
            headings: u32::try_from(self.headings.partition_point(|at| *at <= range.start)).unwrap_or(u32::MAX),
            before: if cut_before { format!("…{}", from_word(&before_text)) } else { before_text },
            found: text_of(self.chars[range].iter()),
            after: if cut_after { format!("{}…", to_word(&after_text)) } else { after_text },
        }
    }

    /// Splits a match into one piece for each event. The first piece gets the id.
    fn pieces(&self, range: Range<usize>, id: &str, pieces: &mut Vec<Piece>) {
        let first = pieces.len();
        for c in &self.chars[range] {
            match pieces[first..].last_mut().filter(|piece| piece.event == c.event) {
                Some(piece) => piece.bytes.end = piece.bytes.end.max(c.bytes.end),
                None => {
                    let id = if pieces.len() == first { id.to_owned() } else { String::new() };
                    pieces.push(Piece { event: c.event, bytes: c.bytes.clone(), id });
                }
            }
        }
    }
}

/// The original text of these characters. Folding can turn one character into several, which are written once.
fn text_of<'a>(chars: impl Iterator<Item = &'a Char>) -> String {
    let mut text = String::new();
    let mut last = None;
    for c in chars {
        let place = (c.event, c.bytes.start, c.bytes.end);
        if last != Some(place) || c.bytes.is_empty() {
            text.push(if c.original == BLOCK_END { ' ' } else { c.original });
        }
        last = Some(place);
    }
    text
}

fn from_word(text: &str) -> &str {
    text.split_once(' ').map_or(text, |(_, rest)| rest)
}

fn to_word(text: &str) -> &str {
    text.rsplit_once(' ').map_or(text, |(rest, _)| rest)
}

/// Whether a character is visible. Soft hyphens, zero-width spaces and joiners are not.
fn is_visible(c: char) -> bool {
    !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

pub(super) fn is_inline(tag: &Tag<'_>) -> bool {
    is_inline_end(tag.to_end())
}

pub(super) fn is_inline_end(tag: pulldown_cmark::TagEnd) -> bool {
    use pulldown_cmark::TagEnd as T;
    matches!(tag, T::Emphasis | T::Strong | T::Strikethrough | T::Superscript | T::Subscript | T::Link)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::markdown::{Setting, Source, html_of, safe_html};

    fn found(markdown: &str, query: &str) -> Vec<(String, String, String)> {
        let (_, hits) = hits(Source::of(markdown).events(), &Query::parse(query).unwrap(), usize::MAX);
        hits.into_iter().map(|hit| (hit.before, hit.found, hit.after)).collect()
    }

    fn hit(before: &str, found: &str, after: &str) -> (String, String, String) {
        (before.to_owned(), found.to_owned(), after.to_owned())
    }

    #[test]
    fn search_ignores_case_spacing_and_emphasis() {
        assert_eq!(found("The *Great\nSeal* of", " great   SEAL"), [hit("The ", "Great Seal", " of")]);
        assert_eq!(found("ÄRGER and ärger", "Ärger").len(), 2);
        assert_eq!(found("exam\u{ad}ple", "example").len(), 1);
        assert_eq!(found("İstanbul", "i\u{307}stanbul"), [hit("", "İstanbul", "")]);
    }

    #[test]
    fn hit_is_within_one_block_and_its_context_ends_at_a_word() {
        assert!(found("one\n\ntwo", "one two").is_empty());
        assert!(found("| a | b |\n|---|---|", "a b").is_empty());
        let long = "word ".repeat(40);
        let [(before, _, after)] = &found(&format!("{long}needle {long}"), "needle")[..] else { panic!() };
        assert!(before.starts_with("…word ") && after.ends_with(" word…"), "{before} {after}");
    }

    #[test]
    fn hit_knows_the_headings_before_it() {
        let (_, found) = hits(Source::of("cup\n\n# cup\n\ncup\n\n## a cup").events(), &Query::parse("cup").unwrap(), 9);
        assert_eq!(found.iter().map(|hit| hit.headings).collect::<Vec<_>>(), [0, 1, 1, 2]);
    }

    #[test]
    fn query_of_invisible_characters_is_none() {
        assert_eq!(Query::parse(" \n\u{ad}"), None);
    }

    /// The text of rendered HTML.
    fn text(html: &str) -> String {
        html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect()
    }

    proptest! {
        #[test]
        fn marks_are_numbered_like_hits_and_keep_the_text(
            markdown in "[ab *_`\\[\\]()#|~<>!\\n$^:-]{0,80}",
            query in "[ab *]{1,3}",
        ) {
            let Some(query) = Query::parse(&query) else { return Ok(()) };
            let (count, _) = hits(Source::of(&markdown).events(), &query, 0);
            let marked = html_of(&markdown, 4, Setting::Reader(Some(&query)), None);
            // An image's text is not part of the page's text.
            prop_assume!(!marked.contains("<img"));
            prop_assert_eq!(text(&marked), text(&safe_html(&markdown, 4)));
            for number in 1..=count {
                let id = format!("id=\"hit-5-{number}\"");
                prop_assert!(marked.contains(&id), "{}", marked);
            }
            let next = format!("id=\"hit-5-{}\"", count + 1);
            prop_assert!(!marked.contains(&next));
        }
    }
}
