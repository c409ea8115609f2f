//! References in a text, such as "Section 17.2.3", "Figure 4", `[12]` or "page 9", as links to what they name.
//!
//! A reference becomes a link only if [`Anchors`] knows its target. No word changes.

mod lines;
mod text;

use std::collections::HashSet;
use std::ops::Range;

use pulldown_cmark::{CowStr, Event, LinkType, Tag, TagEnd};

use super::Source;
use lines::lines;
use text::Text;

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
    // An id stands once: the first caption with a number has it.
    let mut seen = HashSet::new();
    let first = definitions.iter().filter(|(_, target)| seen.insert(target));
    let ids = first.map(|(range, target)| (text.place(range.start).0, target.id(page_index + 1))).collect();
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
