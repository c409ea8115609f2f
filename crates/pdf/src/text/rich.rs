//! Text that knows how it looks.

use std::ops::Deref;

/// How characters of a line look, apart from their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    pub bold: bool,
    pub italic: bool,
    pub mono: bool,
    pub shift: Shift,
    /// The number of the link on the page.
    pub link: Option<u16>,
}

/// Whether characters are off the base line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shift {
    #[default]
    None,
    Raised,
    Lowered,
    /// The mark of a note that is on the page, without brackets.
    Note,
}

/// Plain text, and runs of it that look alike. As a `str` it is the plain text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rich {
    text: String,
    /// The end of each run in bytes, and its look. The runs cover the text. Neighbours differ.
    runs: Vec<(usize, Look)>,
}

impl Deref for Rich {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl From<&str> for Rich {
    fn from(text: &str) -> Self {
        let mut rich = Self::default();
        rich.push_str(text, Look::default());
        rich
    }
}

impl Rich {
    pub(super) fn push_str(&mut self, text: &str, look: Look) {
        if text.is_empty() {
            return;
        }
        self.text.push_str(text);
        match self.runs.last_mut() {
            Some((end, last)) if *last == look => *end = self.text.len(),
            _ => self.runs.push((self.text.len(), look)),
        }
    }

    pub(super) fn push(&mut self, char: char, look: Look) {
        self.push_str(char.encode_utf8(&mut [0; 4]), look);
    }

    /// Appends a space that looks like the text before it.
    pub(super) fn push_space(&mut self) {
        self.push_str(" ", self.last_look());
    }

    pub(super) fn append(&mut self, other: &Self) {
        other.runs().for_each(|(text, look)| self.push_str(text, look));
    }

    pub(super) fn last_look(&self) -> Look {
        self.runs.last().map_or_else(Look::default, |(_, look)| *look)
    }

    /// The runs in order, none of them empty.
    pub(super) fn runs(&self) -> impl Iterator<Item = (&str, Look)> {
        let mut start = 0;
        self.runs.iter().map(move |(end, look)| (&self.text[std::mem::replace(&mut start, *end)..*end], *look))
    }

    /// The text from a byte on, which must be at a character.
    pub(super) fn after(&self, start: usize) -> Self {
        self.slice(start, self.text.len())
    }

    /// The text between two bytes, which must be at characters.
    pub(super) fn slice(&self, start: usize, end: usize) -> Self {
        let (mut slice, mut at) = (Self::default(), 0);
        for (text, look) in self.runs() {
            let (from, to) = (start.clamp(at, at + text.len()) - at, end.clamp(at, at + text.len()) - at);
            if from < to {
                slice.push_str(&text[from..to], look);
            }
            at += text.len();
        }
        slice
    }

    /// Cuts white space off the end.
    pub(super) fn trim_end(&mut self) {
        let length = self.text.trim_end().len();
        self.text.truncate(length);
        while self.runs.len() > 1 && self.runs[self.runs.len() - 2].0 >= length {
            self.runs.pop();
        }
        match self.runs.last_mut() {
            Some((end, _)) if length > 0 => *end = length,
            _ => self.runs.clear(),
        }
    }

    /// Changes the look of each run.
    pub(super) fn relook(&self, change: impl Fn(Look) -> Look) -> Self {
        let mut changed = Self::default();
        self.runs().for_each(|(text, look)| changed.push_str(text, change(look)));
        changed
    }

    /// Whether all its characters, white space aside, look like this. Empty text does not.
    pub(super) fn is_all(&self, wanted: impl Fn(Look) -> bool) -> bool {
        let mut inked = self.runs().filter(|(text, _)| !text.trim().is_empty()).peekable();
        inked.peek().is_some() && inked.all(|(_, look)| wanted(look))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOLD: Look = Look { bold: true, italic: false, mono: false, shift: Shift::None, link: None };

    fn sample() -> Rich {
        let mut rich = Rich::from("one ");
        rich.push_str("two", BOLD);
        rich.push_space();
        rich.push('3', Look::default());
        rich
    }

    fn runs(rich: &Rich) -> Vec<(&str, bool)> {
        rich.runs().map(|(text, look)| (text, look.bold)).collect()
    }

    #[test]
    fn text_cut_keeps_its_looks() {
        assert_eq!(runs(&sample()), [("one ", false), ("two ", true), ("3", false)]);
        assert_eq!(runs(&sample().after(5)), [("wo ", true), ("3", false)]);
        assert_eq!(runs(&sample().slice(2, 5)), [("e ", false), ("t", true)]);
        let mut cut = sample().slice(0, 8);
        cut.trim_end();
        assert_eq!(runs(&cut), [("one ", false), ("two", true)]);
        let mut blank = Rich::from("  ");
        blank.trim_end();
        assert_eq!(blank, Rich::default());
    }

    #[test]
    fn white_space_has_no_look_that_counts() {
        assert!(!sample().is_all(|look| look.bold));
        assert!(sample().slice(3, 8).is_all(|look| look.bold));
        assert!(!Rich::from(" ").is_all(|look| !look.bold));
    }
}
