//! References in a text, such as "Section 17.2.3", "Figure 4", `[12]` or "page 9", as links to what they name.
//!
//! A reference becomes a link only if [`Anchors`] knows its target. No word changes.

use std::ops::Range;
use std::sync::LazyLock;

use pulldown_cmark::{CowStr, Event, LinkType, Tag, TagEnd};
use regex::Regex;

use super::Source;

/// Stands in a text for what no reference contains: code, formulas, links and changes of emphasis.
const OTHER: char = '\u{fffc}';
const BLOCK_END: char = '\n';

/// What a reference names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    pub kind: Kind,
    /// As printed, without the word before it: `17.2.3`, `B`, `IV`; for a citation, what its brackets contain.
    pub number: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Part,
    /// A chapter, a section or an appendix.
    Section,
    Figure,
    Table,
    Listing,
    Algorithm,
    Citation,
    Page,
}

impl Kind {
    fn of(word: &str) -> Option<Self> {
        let word = word.to_lowercase();
        let begins = |words: &[&str]| words.iter().any(|begin| word.starts_with(begin));
        match () {
            () if begins(&["part"]) => Some(Self::Part),
            () if begins(&["sec", "chap", "app", "§"]) => Some(Self::Section),
            () if begins(&["fig"]) => Some(Self::Figure),
            () if begins(&["tab"]) => Some(Self::Table),
            () if begins(&["listing"]) => Some(Self::Listing),
            () if begins(&["algorithm"]) => Some(Self::Algorithm),
            () if begins(&["page"]) => Some(Self::Page),
            () => None,
        }
    }

    /// The name in ids.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Part => "part",
            Self::Section => "section",
            Self::Figure => "figure",
            Self::Table => "table",
            Self::Listing => "listing",
            Self::Algorithm => "algorithm",
            Self::Citation => "citation",
            Self::Page => "page",
        }
    }
}

impl Target {
    /// The id of the place on a page where a caption or a list of literature defines it.
    pub fn id(&self, page_number: u32) -> String {
        let number = self.number.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        format!("page-{page_number}-{}-{number}", self.kind.name())
    }
}

/// The places that references lead to.
pub trait Anchors {
    /// The id of the place that a reference names; `None`: it is not known, or not certain.
    fn of_target(&self, target: &Target) -> Option<String>;
    /// The id of the place that a line of a contents page leads to.
    fn of_line(&self, page_index: u32, line: &str) -> Option<String>;
    /// Whether the page has lines that lead to places.
    fn has_lines(&self, page_index: u32) -> bool;
}

/// The captions and the entries of a list of literature on a page.
pub fn definitions(markdown: &str) -> Vec<Target> {
    let source = Source::of(markdown);
    let events: Vec<Event<'_>> = source.events().collect();
    Text::of(&events).definitions().into_iter().map(|(_, target)| target).collect()
}

/// The same events, with links on references and ids on definitions. `address` makes the address of a link from an id.
pub(super) fn linked<'a>(
    events: Vec<Event<'a>>,
    page_index: u32,
    anchors: &dyn Anchors,
    address: &dyn Fn(&str) -> String,
) -> Vec<Event<'a>> {
    let text = Text::of(&events);
    let definitions = text.definitions();
    let lines = if anchors.has_lines(page_index) { lines(&events, page_index, anchors) } else { Vec::new() };
    let mut is_free = vec![true; events.len()];
    lines.iter().for_each(|line| is_free[line.events.clone()].fill(false));
    let link = |(range, target): (Range<usize>, Target)| {
        let before = definitions.partition_point(|(defined, _)| defined.start <= range.start);
        let is_own = before > 0 && range.end <= definitions[before - 1].0.end;
        let anchor = anchors.of_target(&target).filter(|_| !is_own)?;
        let (first, last) = (text.place(range.start), text.place(range.end - 1));
        let link = || Link { events: first.0..last.0 + 1, bytes: first.1..last.1 + 1, anchor };
        (is_free[first.0] && is_free[last.0]).then(link)
    };
    let mut links: Vec<Link> = text.mentions().into_iter().filter_map(link).collect();
    links.extend(lines);
    links.sort_by_key(|link| (link.events.start, link.bytes.start));
    let ids =
        definitions.iter().map(|(range, target)| (text.place(range.start).0, target.id(page_index + 1))).collect();
    rebuilt(events, &links, ids, address)
}

/// A link around whole events, or from a byte of the first to a byte of the last.
#[derive(Debug)]
struct Link {
    events: Range<usize>,
    /// `usize::MAX` as the end: to the end of the last event.
    bytes: Range<usize>,
    anchor: String,
}

fn rebuilt<'a>(
    events: Vec<Event<'a>>,
    links: &[Link],
    ids: Vec<(usize, String)>,
    address: &dyn Fn(&str) -> String,
) -> Vec<Event<'a>> {
    let mut made = Vec::with_capacity(events.len() + 2 * links.len());
    let mut ids = ids.into_iter().peekable();
    // Links do not overlap, so they end in the order in which they begin.
    let (mut begins, mut ends) = (links.iter().peekable(), links.iter().peekable());
    for (at, event) in events.into_iter().enumerate() {
        while let Some((_, id)) = ids.next_if(|(place, _)| *place <= at) {
            made.push(Event::Html(format!("<a id=\"{id}\"></a>").into()));
        }
        // Where the text of the event is cut.
        let mut cuts: Vec<(usize, Event<'_>)> = Vec::new();
        while let Some(link) = begins.next_if(|link| link.events.start == at) {
            cuts.push((link.bytes.start, start(address(&link.anchor))));
        }
        while let Some(link) = ends.next_if(|link| link.events.end == at + 1) {
            cuts.push((link.bytes.end, Event::End(TagEnd::Link)));
        }
        cuts.sort_by_key(|(byte, event)| (*byte, matches!(event, Event::Start(_))));
        cut(event, cuts, &mut made);
    }
    made
}

fn start(address: String) -> Event<'static> {
    let none = CowStr::Borrowed("");
    Event::Start(Tag::Link { link_type: LinkType::Inline, dest_url: address.into(), title: none.clone(), id: none })
}

/// Puts each of `cuts` before the byte of the event's text that it names.
fn cut<'a>(event: Event<'a>, cuts: Vec<(usize, Event<'a>)>, made: &mut Vec<Event<'a>>) {
    let Event::Text(text) = &event else {
        let (ends, begins): (Vec<_>, Vec<_>) = cuts.into_iter().partition(|(byte, _)| *byte > 0);
        made.extend(begins.into_iter().map(|(_, event)| event));
        made.push(event);
        made.extend(ends.into_iter().map(|(_, event)| event));
        return;
    };
    let mut done = 0;
    let mut push = |made: &mut Vec<Event<'a>>, end: usize| {
        if done < end {
            made.push(Event::Text(text[done..end].to_owned().into()));
            done = end;
        }
    };
    for (byte, event) in cuts {
        push(made, byte.min(text.len()));
        made.push(event);
    }
    push(made, text.len());
}

/// The text of events, and where its parts come from.
struct Text {
    text: String,
    /// Offset in the text, and index of the event.
    parts: Vec<(usize, usize)>,
}

impl Text {
    fn of(events: &[Event<'_>]) -> Self {
        let mut text = Self { text: String::new(), parts: Vec::new() };
        // Inside a heading or a link nothing becomes a link.
        let mut closed = 0;
        for (index, event) in events.iter().enumerate() {
            match event {
                Event::Start(Tag::Heading { .. } | Tag::Link { .. } | Tag::CodeBlock(_)) => closed += 1,
                Event::End(TagEnd::Heading(_) | TagEnd::Link | TagEnd::CodeBlock) => closed -= 1,
                _ => {}
            }
            text.parts.push((text.text.len(), index));
            match event {
                Event::Text(words) if closed == 0 => text.text.push_str(words),
                Event::SoftBreak if closed == 0 => text.text.push(' '),
                Event::Start(tag) if is_inline(tag.to_end()) => text.text.push(OTHER),
                Event::End(tag) if is_inline(*tag) => text.text.push(OTHER),
                Event::Text(_) | Event::Code(_) | Event::InlineMath(_) | Event::FootnoteReference(_) => {
                    text.text.push(OTHER)
                }
                _ => text.text.push(BLOCK_END),
            }
        }
        text
    }

    /// The event that a byte of the text comes from, and its byte there.
    fn place(&self, byte: usize) -> (usize, usize) {
        let part = self.parts.partition_point(|(start, _)| *start <= byte).saturating_sub(1);
        self.parts.get(part).map_or((0, 0), |(start, event)| (*event, byte - start))
    }

    /// The beginnings of captions and of entries in a list of literature.
    fn definitions(&self) -> Vec<(Range<usize>, Target)> {
        static CAPTION: LazyLock<Regex> = LazyLock::new(|| {
            pattern(
                r"(?m)^\x{fffc}*((?:Figure|FIGURE|Fig\.|Table|TABLE|Listing|Algorithm)[ \x{a0}](\d+(?:[.\-–]\d+)*))\x{fffc}*(?:[.:|—–]|\x{fffc}|$|[ \x{a0}]+[\p{Lu}(])",
            )
        });
        static LITERATURE: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"(?m)^(\[([0-9]{1,4}|[A-Z][A-Za-z+]{0,8}[0-9]{2}[a-z]?)\]) *\S"));
        let target = |found: regex::Captures<'_>, kind: Option<Kind>| {
            let (whole, number) = (found.get(1)?, found.get(2)?);
            let kind = kind.or_else(|| Kind::of(whole.as_str()))?;
            Some((whole.range(), Target { kind, number: number.as_str().to_owned() }))
        };
        let captions = CAPTION.captures_iter(&self.text).filter_map(|found| target(found, None));
        let literature = LITERATURE.captures_iter(&self.text).filter_map(|found| target(found, Some(Kind::Citation)));
        let mut found: Vec<_> = captions.chain(literature).collect();
        found.sort_by_key(|(range, _)| range.start);
        found
    }

    /// The references in reading order. Each number of "Figures 4 and 5" is one; the first includes the word.
    fn mentions(&self) -> Vec<(Range<usize>, Target)> {
        static NUMBERED: LazyLock<Regex> = LazyLock::new(|| {
            pattern(
                r"(?:\b([Ss]ections?|[Ss]ec\.|[Ss]ect\.|[Cc]hapters?|[Cc]hap\.|[Aa]ppendix|[Aa]ppendices|App\.|[Pp]arts?|[Ff]igures?|[Ff]igs?\.|[Tt]ables?|[Ll]istings?|[Aa]lgorithms?|[Pp]ages?)|(§§?))[ \x{a0}]?([0-9]+(?:\.[0-9]+)*|[A-Z](?:\.[0-9]+)*\b|[IVX]+\b)",
            )
        });
        static NEXT: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"^(?:, and |, or |, | and | or | & |–|-| to )([0-9]+(?:\.[0-9]+)*)"));
        static CITED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[([^\[\]\n\x{fffc}]{1,60})\]"));
        static KEY: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9]{1,4}|[A-Z][A-Za-z+]{0,8}[0-9]{2}[a-z]?"));
        let mut mentions = Vec::new();
        for found in NUMBERED.captures_iter(&self.text) {
            let (Some(whole), Some(word), Some(number)) = (found.get(0), found.get(1).or(found.get(2)), found.get(3))
            else {
                continue;
            };
            let Some(kind) = Kind::of(word.as_str()) else { continue };
            let mut numbers = vec![(whole.start()..whole.end(), number.as_str())];
            let mut end = whole.end();
            while let Some(next) = NEXT.captures(&self.text[end..]).and_then(|next| next.get(1)) {
                numbers.push((end + next.start()..end + next.end(), next.as_str()));
                end += next.end();
            }
            if self.leads_elsewhere(end) {
                continue;
            }
            mentions
                .extend(numbers.into_iter().map(|(range, number)| (range, Target { kind, number: number.to_owned() })));
        }
        for cited in CITED.captures_iter(&self.text).filter_map(|found| found.get(1)) {
            let keys = cited.as_str().split([',', ';']).map(str::trim);
            if keys.clone().all(|key| KEY.find(key).is_some_and(|found| found.start() == 0)) {
                let target = |key: regex::Match<'_>| {
                    let range = cited.start() + key.start()..cited.start() + key.end();
                    (range, Target { kind: Kind::Citation, number: key.as_str().to_owned() })
                };
                mentions.extend(KEY.find_iter(cited.as_str()).map(target));
            }
        }
        mentions.sort_by_key(|(range, _)| range.start);
        mentions
    }

    /// Whether the words behind a reference name another document: "Section 3 of the POSIX standard", "Table 2 in [7]".
    fn leads_elsewhere(&self, end: usize) -> bool {
        let rest = &self.text[end..];
        let is_number = rest.starts_with(|c: char| c.is_alphanumeric());
        let of = rest.strip_prefix(" of ").or_else(|| rest.strip_prefix(" in ["));
        is_number || of.is_some_and(|of| !of.starts_with("this "))
    }
}

fn is_inline(tag: TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Link
    )
}

#[expect(clippy::unwrap_used, reason = "the patterns are constants, and a test reads each of them")]
fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// The links of the lines of a contents page. In a table, a row is a line, and its longest cell is the link.
fn lines(events: &[Event<'_>], page_index: u32, anchors: &dyn Anchors) -> Vec<Link> {
    let mut links = Vec::new();
    let mut segment = Segment::default();
    let mut row: Option<Vec<Segment>> = None;
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) => segment.add(at, text),
            Event::Start(tag) if is_inline(tag.to_end()) => segment.open(at, 1),
            Event::End(tag) if is_inline(*tag) => segment.open(at, -1),
            _ => {
                let done = std::mem::take(&mut segment);
                match (event, &mut row) {
                    (Event::Start(Tag::TableRow | Tag::TableHead), _) => row = Some(Vec::new()),
                    (Event::End(TagEnd::TableRow | TagEnd::TableHead), Some(cells)) => {
                        let line = cells.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join(" ");
                        let longest = cells.iter().max_by_key(|cell| cell.text.len());
                        links.extend(longest.and_then(|cell| cell.link(anchors.of_line(page_index, &line)?)));
                        row = None;
                    }
                    (_, Some(cells)) => cells.push(done),
                    (_, None) => {
                        links.extend(anchors.of_line(page_index, &done.text).and_then(|anchor| done.link(anchor)))
                    }
                }
            }
        }
    }
    links
}

/// Inline events in a row.
#[derive(Default)]
struct Segment {
    events: Range<usize>,
    text: String,
    open: i32,
    /// It closes what it did not open, or has a link.
    is_broken: bool,
}

impl Segment {
    fn add(&mut self, at: usize, text: &str) {
        if self.events.is_empty() {
            self.events.start = at;
        }
        self.events.end = at + 1;
        self.text.push_str(text);
    }

    fn open(&mut self, at: usize, change: i32) {
        self.add(at, "");
        self.open += change;
        self.is_broken |= self.open < 0;
    }

    fn link(&self, anchor: String) -> Option<Link> {
        let is_whole = !self.events.is_empty() && self.open == 0 && !self.is_broken;
        is_whole.then(|| Link { events: self.events.clone(), bytes: 0..usize::MAX, anchor })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::markdown::{Setting, html_of};

    /// Knows every target on page 9, and every line of page 1 that ends with a digit.
    struct All;

    impl Anchors for All {
        fn of_target(&self, target: &Target) -> Option<String> {
            Some(target.id(9))
        }

        fn of_line(&self, _: u32, line: &str) -> Option<String> {
            line.ends_with(|c: char| c.is_ascii_digit()).then(|| "page-9".to_owned())
        }

        fn has_lines(&self, page_index: u32) -> bool {
            page_index == 0
        }
    }

    /// What becomes a link, and its id.
    fn links(markdown: &str, page_index: u32) -> Vec<(String, String)> {
        let html = html_of(markdown, page_index, Setting::Reader(None), Some(&All));
        let link = |part: &str| {
            let (address, rest) = part.split_once('"')?;
            Some((text(rest.split_once('>')?.1.split_once("</a>")?.0), address.split_once('#')?.1.to_owned()))
        };
        html.split("<a href=\"").skip(1).filter_map(link).collect()
    }

    fn text(html: &str) -> String {
        html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect()
    }

    fn pairs(links: &[(&str, &str)]) -> Vec<(String, String)> {
        links.iter().map(|(words, id)| ((*words).to_owned(), (*id).to_owned())).collect()
    }

    #[test]
    fn reference_becomes_a_link_with_its_word() {
        for (markdown, expected) in [
            ("See Section 17.2.3.", &[("Section 17.2.3", "page-9-section-17-2-3")][..]),
            ("in §4, and\nAppendix B too", &[("§4", "page-9-section-4"), ("Appendix B", "page-9-section-B")]),
            (
                "Figures 4 and 5.1–5.3",
                &[("Figures 4", "page-9-figure-4"), ("5.1", "page-9-figure-5-1"), ("5.3", "page-9-figure-5-3")],
            ),
            ("as in Table\n2 on page 31", &[("Table\n2", "page-9-table-2"), ("page 31", "page-9-page-31")]),
            (
                "shown [3, 12] and [Knu84]",
                &[("3", "page-9-citation-3"), ("12", "page-9-citation-12"), ("Knu84", "page-9-citation-Knu84")],
            ),
        ] {
            assert_eq!(links(markdown, 3), pairs(expected), "{markdown}");
        }
    }

    #[test]
    fn what_only_looks_like_a_reference_stays_text() {
        for markdown in [
            "# Section 3",
            "`Section 3`",
            "[Section 3](https://example.org)",
            "Section 3 of the POSIX standard",
            "Section 3a",
            "section three",
            "Table 2 in [GNU]",
            "an array[i]",
            "[see 12 below]",
        ] {
            let found = links(markdown, 3);
            assert!(
                found.iter().all(|(words, _)| words == "Section 3" && markdown.contains("example.org")),
                "{markdown}: {found:?}"
            );
        }
    }

    #[test]
    fn caption_gets_an_id_and_no_link_to_itself() {
        for (markdown, id) in [
            ("Figure 4: A *cup*.", "page-4-figure-4"),
            ("**Table 2.1.** Cups", "page-4-table-2-1"),
            ("- [12] Knuth", "page-4-citation-12"),
            ("![Fig. 7 Cups](/v1/images/ab/6_0.png?w=43&px=10x20)", "page-4-figure-7"),
        ] {
            let html = html_of(markdown, 3, Setting::Reader(None), Some(&All));
            assert!(html.contains(&format!("<a id=\"{id}\"")), "{html}");
            assert!(!html.contains("#page-9"), "{html}");
        }
        assert!(definitions("Figure 4 shows a cup.\n\nTable 2 and more").is_empty());
    }

    #[test]
    fn lines_of_a_contents_page_are_links() {
        let markdown = "**1 Cups** . . . 3\n\n1.1 *Small* cups 4\n\n| 2 | Pots | 7 |\n|---|---|---|\n| 2.1 | Old pots | 8 |\n\nNo entry";
        let expected = ["1 Cups . . . 3", "1.1 Small cups 4", "Pots", "Old pots"]
            .map(|words| (words.to_owned(), "page-9".to_owned()));
        assert_eq!(links(markdown, 0), expected);
        assert!(links("1.1 Small cups 4", 1).is_empty());
    }

    proptest! {
        #[test]
        fn links_change_no_word(markdown in "(Figure |Section |Table |page |\\[|\\]|[0-9*_`#|\\n., \u{e4}:-]|\\n\\n){0,40}", page in 0u32..2) {
            let (with, without) = (html_of(&markdown, page, Setting::Reader(None), Some(&All)), html_of(&markdown, page, Setting::Reader(None), None));
            prop_assert_eq!(text(&with), text(&without));
            // Links do not nest, and each ends.
            let mut open = 0;
            for part in with.split('<') {
                open += i32::from(part.starts_with("a ")) - i32::from(part.starts_with("/a>"));
                prop_assert!((0..=1).contains(&open), "{}", with);
            }
        }
    }
}
