//! The lines of a contents page as links.

use std::ops::Range;

use pulldown_cmark::{Event, Tag, TagEnd};

use super::{Anchors, Link};
use crate::markdown::matches::{is_inline, is_inline_end};

/// The links of the lines of a contents page. In a table, a row is a line, and its longest cell is the link.
pub(super) fn lines(events: &[Event<'_>], page_index: u32, anchors: &dyn Anchors) -> Vec<Link> {
    let mut links = Vec::new();
    let mut segment = Segment::default();
    let mut row: Option<Vec<Segment>> = None;
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) => segment.add(at, text),
            Event::Start(tag) if is_inline(tag) => segment.open(at, 1),
            Event::End(tag) if is_inline_end(*tag) => segment.open(at, -1),
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
