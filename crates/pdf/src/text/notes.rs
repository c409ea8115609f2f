//! Notes at the foot of a page, and their marks in its text.

use super::blocks::{Block, Part, is_raised};
use super::rich::{Look, Rich, Shift};

/// The largest size of notes, relative to the body text.
const SIZE_MAX: f32 = 0.95;
/// The most digits of a mark.
const DIGITS_MAX: usize = 3;

/// Turns the last paragraphs of a page that begin with a raised number into notes, if that number is raised in the text, too. `blocks` are
/// those of `parts`.
pub(super) fn link(mut blocks: Vec<Block>, parts: &[Part], body_size: f32) -> Vec<Block> {
    let is_small = |part: &Part| part.lines().first().is_some_and(|line| line.size < SIZE_MAX * body_size);
    let mut notes = Vec::new();
    for head in (0..blocks.len().min(parts.len())).rev() {
        let Block::Paragraph { text, .. } = &blocks[head] else { break };
        let Some((label, note)) = split(text).filter(|_| is_small(&parts[head])) else { break };
        if !blocks[..head].iter_mut().any(|block| refer(block, &label)) {
            break;
        }
        blocks.truncate(head);
        notes.push(Block::Note { label, text: note });
    }
    notes.reverse();
    blocks.extend(notes);
    blocks
}

/// The raised number at the start of a note, and its text.
fn split(text: &Rich) -> Option<(String, Rich)> {
    let (mark, look) = text.runs().next()?;
    let label = mark.trim();
    let note = text.after(mark.len());
    let start = note.len() - note.trim_start().len();
    (is_raised(look) && is_label(label) && !note.trim().is_empty()).then(|| (label.to_owned(), note.after(start)))
}

fn is_label(mark: &str) -> bool {
    (1..=DIGITS_MAX).contains(&mark.len()) && mark.bytes().all(|byte| byte.is_ascii_digit())
}

/// Makes the first raised number with this label the mark of the note. Whether there is one.
fn refer(block: &mut Block, label: &str) -> bool {
    let (Block::Heading { text, .. } | Block::Paragraph { text, .. } | Block::Item { text, .. }) = block else {
        return false;
    };
    let is_mark = |(run, look): (&str, Look)| is_raised(look) && run.trim() == label;
    if !text.runs().skip(1).any(is_mark) {
        return false;
    }
    let mut is_found = false;
    let mut marked = Rich::default();
    for (run, look) in text.runs() {
        if is_mark((run, look)) && !is_found && !marked.is_empty() {
            is_found = true;
            marked.push_str(label, Look { shift: Shift::Note, ..Look::default() });
            marked.push_str(&run[run.trim_end().len()..], Look::default());
        } else {
            marked.push_str(run, look);
        }
    }
    *text = marked;
    true
}

#[cfg(test)]
mod tests {
    use super::super::testing::paragraph;
    use super::*;

    fn raised(text: &str, mark: &str, rest: &str) -> Rich {
        let mut rich = Rich::from(text);
        rich.push_str(mark, Look { shift: Shift::Raised, ..Look::default() });
        rich.push_str(rest, Look::default());
        rich
    }

    /// The blocks of a text and a note in type of this size, on a page of 10-point type.
    fn linked(text: Rich, note: Rich, size: f32) -> Vec<Block> {
        let mut small = paragraph(&["a note"]);
        small[0].size = size;
        let parts = [Part::Paragraph(paragraph(&["text"])), Part::Paragraph(small)];
        let blocks = [text, note].map(|text| Block::Paragraph { text, depth: 0 });
        link(blocks.into(), &parts, 10.0)
    }

    #[test]
    fn note_and_its_mark_are_linked() {
        let blocks = linked(raised("A word", "1", " and more."), raised("", "1", " A note."), 8.0);
        let note = Block::Note { label: "1".to_owned(), text: Rich::from("A note.") };
        assert_eq!(blocks[1], note);
        let Block::Paragraph { text, .. } = &blocks[0] else { panic!("{blocks:?}") };
        assert_eq!(text.runs().nth(1).map(|(text, look)| (text, look.shift)), Some(("1", Shift::Note)));
    }

    #[test]
    fn note_without_its_mark_or_in_large_type_is_text() {
        for (mark, size) in [("2", 8.0), ("1", 10.0)] {
            let blocks = linked(raised("A word", mark, " and more."), raised("", "1", " A note."), size);
            assert!(blocks.iter().all(|block| matches!(block, Block::Paragraph { .. })), "{blocks:?}");
        }
    }
}
