//! Finds references and captions in the text of a page.

use std::ops::Range;
use std::sync::LazyLock;

use pulldown_cmark::{Event, Tag, TagEnd};
use regex::Regex;

use super::{Kind, Target};
use crate::markdown::matches::{is_inline, is_inline_end};

/// Stands in a text for what no reference contains: code, formulas, links and changes of emphasis.
const OTHER: char = '\u{fffc}';
const BLOCK_END: char = '\n';

/// The text of events, and where its parts come from.
pub(super) struct Text {
    text: String,
    /// Offset in the text, and index of the event.
    parts: Vec<(usize, usize)>,
}

impl Text {
    pub(super) fn of(events: &[Event<'_>]) -> Self {
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
                Event::Start(tag) if is_inline(tag) => text.text.push(OTHER),
                Event::End(tag) if is_inline_end(*tag) => text.text.push(OTHER),
                Event::Text(_) | Event::Code(_) | Event::InlineMath(_) | Event::FootnoteReference(_) => {
                    text.text.push(OTHER)
                }
                _ => text.text.push(BLOCK_END),
            }
        }
        text
    }

    /// The event that a byte of the text comes from, and its byte there.
    pub(super) fn place(&self, byte: usize) -> (usize, usize) {
        let part = self.parts.partition_point(|(start, _)| *start <= byte).saturating_sub(1);
        self.parts.get(part).map_or((0, 0), |(start, event)| (*event, byte - start))
    }

    /// The beginnings of captions and of entries in a list of literature.
    pub(super) fn definitions(&self) -> Vec<(Range<usize>, Target)> {
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
    pub(super) fn mentions(&self) -> Vec<(Range<usize>, Target)> {
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
            if keys.clone().all(|key| KEY.find(key).is_some_and(|found| found.range() == (0..key.len()))) {
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

#[expect(clippy::unwrap_used, reason = "the patterns are constants, and a test reads each of them")]
fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}
