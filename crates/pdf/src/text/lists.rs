//! The marks of list items, and how deep an item is.

use super::lines::Line;
use super::running::roman;

/// Characters that begin a list item.
const BULLETS: &str = "•‣◦▪▫■□●○◆◇►▸▶∙⁃·✓✔➢❖";
/// Edges that differ less are one, in sizes.
const EDGE_SIZES: f32 = 0.6;
/// The text of an item is at least this far from its mark, in sizes.
const HANG_SIZES: f32 = 0.9;
/// Items further apart than this many lines do not belong together.
const REACH: usize = 60;

/// The mark of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Bullet,
    /// `1.` or `1)`, which Markdown counts.
    Number(u32),
    /// `(a)` or `iv.`, which Markdown does not know.
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Digits {
    Arabic,
    Small,
    Capital,
    SmallRoman,
    CapitalRoman,
}

/// A number or letter that can be the mark of an item.
struct Counted {
    /// Whether it is in parentheses, and the sign behind it.
    form: (bool, char),
    /// What it counts, in each way that it can be read.
    values: Vec<(Digits, i64)>,
    /// Bytes up to the text of the item.
    length: usize,
}

/// Marks the lines at which items begin. A number or letter is the mark of an item only if that of its neighbour is near, at the same
/// edge.
pub(super) fn mark(lines: &mut [Line]) {
    let counted: Vec<Option<Counted>> = lines.iter().map(|line| counted(&line.text)).collect();
    let marks: Vec<Option<(Mark, usize)>> = (0..lines.len())
        .map(|at| {
            if let Some(length) = bullet(&lines[at].text) {
                return Some((Mark::Bullet, length));
            }
            let own = counted[at].as_ref()?;
            let near = at.saturating_sub(REACH)..(at + REACH).min(lines.len());
            let has_neighbour = near.filter(|other| *other != at && is_at_edge(&lines[at], &lines[*other]));
            let has_neighbour =
                has_neighbour.filter_map(|other| counted[other].as_ref()).any(|other| own.is_next_to(other));
            has_neighbour.then(|| (own.mark(), own.length))
        })
        .collect();
    lines.iter_mut().zip(marks).for_each(|(line, mark)| line.mark = mark);
}

fn is_at_edge(line: &Line, other: &Line) -> bool {
    (line.left - other.left).abs() < EDGE_SIZES * line.size
}

/// The length of a bullet with the space behind it. Symbol fonts have bullets in the private-use area.
pub(super) fn bullet(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let is_bullet = BULLETS.contains(first) || matches!(first, '\u{f000}'..='\u{f0ff}');
    let rest = text.get(first.len_utf8()..).unwrap_or_default();
    let is_dash = matches!(first, '–' | '—' | '-' | '*') && rest.starts_with(' ');
    let item = rest.trim_start();
    ((is_bullet || is_dash) && !item.is_empty()).then(|| text.len() - item.len())
}

/// The number at the start of a text, if Markdown would count with it, and the length of its mark.
pub(super) fn number(text: &str) -> Option<(Mark, usize)> {
    let counted = counted(text)?;
    matches!(counted.mark(), Mark::Number(_)).then(|| (counted.mark(), counted.length))
}

fn counted(text: &str) -> Option<Counted> {
    const DIGITS_MAX: usize = 5;
    let inner = text.strip_prefix('(').unwrap_or(text);
    let is_wrapped = inner.len() < text.len();
    let digits = inner.bytes().take(DIGITS_MAX).take_while(u8::is_ascii_alphanumeric).count();
    let (digits, rest) = inner.split_at(digits);
    let sign = rest.chars().next().filter(|sign| *sign == ')' || *sign == '.' && !is_wrapped)?;
    let item = rest[1..].strip_prefix(' ')?.trim_start();
    let values = values(digits);
    if values.is_empty() || item.is_empty() {
        return None;
    }
    Some(Counted { form: (is_wrapped, sign), values, length: text.len() - item.len() })
}

fn values(digits: &str) -> Vec<(Digits, i64)> {
    let mut values = Vec::new();
    if digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0') {
        values.extend(digits.parse().ok().map(|value| (Digits::Arabic, value)));
    }
    if let [letter] = digits.as_bytes() {
        let value = i64::from(letter.to_ascii_lowercase()) - i64::from(b'a') + 1;
        let kind = if letter.is_ascii_lowercase() { Digits::Small } else { Digits::Capital };
        values.extend(letter.is_ascii_alphabetic().then_some((kind, value)));
    }
    let is_capital = digits.bytes().all(|byte| byte.is_ascii_uppercase());
    let kind = if is_capital { Digits::CapitalRoman } else { Digits::SmallRoman };
    let lower = if is_capital { digits.to_ascii_lowercase() } else { digits.to_owned() };
    values.extend(roman(&lower).map(|value| (kind, value)));
    values
}

impl Counted {
    fn is_next_to(&self, other: &Self) -> bool {
        let is_next = |(kind, value): &(Digits, i64)| {
            other.values.iter().any(|(other, at)| other == kind && (value - at).abs() == 1)
        };
        self.form == other.form && self.values.iter().any(is_next)
    }

    fn mark(&self) -> Mark {
        match self.values.first() {
            Some((Digits::Arabic, value)) if !self.form.0 => Mark::Number(u32::try_from(*value).unwrap_or(0)),
            _ => Mark::Other,
        }
    }
}

/// The lists that are open at a place of the page: the left edges of their marks and of their texts, the outermost first.
#[derive(Default)]
pub(super) struct Nesting {
    open: Vec<(f32, f32)>,
}

impl Nesting {
    /// Closes all lists.
    pub(super) fn close(&mut self) {
        self.open.clear();
    }

    /// The depth of an item, from 0, whose text begins at `text_left`, if that is known.
    pub(super) fn item(&mut self, line: &Line, text_left: Option<f32>) -> usize {
        let edge = EDGE_SIZES * line.size;
        while self.open.last().is_some_and(|(mark, _)| line.left < mark - edge) {
            self.open.pop();
        }
        if self.open.last().is_some_and(|(mark, _)| line.left <= mark + edge) {
            self.open.pop();
        }
        let hang = line.left + HANG_SIZES * line.size;
        self.open.push((line.left, text_left.filter(|left| *left > hang).unwrap_or(hang)));
        self.open.len() - 1
    }

    /// How many lists a block at this left edge is in. The others are closed.
    pub(super) fn inside(&mut self, left: f32, size: f32) -> usize {
        let edge = EDGE_SIZES * size;
        while self.open.last().is_some_and(|(_, text)| left < text - edge) {
            self.open.pop();
        }
        self.open.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{line, paragraph};
    use super::*;

    fn marks(texts: &[&str]) -> Vec<Option<Mark>> {
        let mut lines = paragraph(texts);
        mark(&mut lines);
        lines.iter().map(|line| line.mark.map(|(mark, _)| mark)).collect()
    }

    #[test]
    fn bullet_begins_an_item() {
        let item = |text: &'static str| bullet(text).map(|length| &text[length..]);
        assert_eq!(item("• item"), Some("item"));
        assert_eq!(item("\u{f0b7}item"), Some("item"));
        assert_eq!(item("– item"), Some("item"));
        assert_eq!(item("-x"), None);
        assert_eq!(item("•"), None);
    }

    #[test]
    fn letters_and_numerals_are_marks_beside_their_neighbours() {
        use Mark::{Number, Other};
        assert_eq!(marks(&["(a) one", "(b) two"]), [Some(Other), Some(Other)]);
        assert_eq!(marks(&["ii. one", "text", "iii. two"]), [Some(Other), None, Some(Other)]);
        assert_eq!(marks(&["9. one", "10. two"]), [Some(Number(9)), Some(Number(10))]);
        assert_eq!(marks(&["A. Smith wrote", "more"]), [None, None]);
        assert_eq!(marks(&["1. one", "3. three"]), [None, None]);
        assert_eq!(marks(&["a. one", "b) two"]), [None, None]);
    }

    #[test]
    fn indented_item_is_deeper_and_text_to_the_left_of_a_list_closes_it() {
        let at = |left: f32| line("text", left, 300.0, 100.0);
        let mut nesting = Nesting::default();
        assert_eq!(nesting.item(&at(60.0), Some(70.0)), 0);
        assert_eq!(nesting.inside(70.0, 10.0), 1);
        assert_eq!(nesting.item(&at(72.0), None), 1);
        assert_eq!(nesting.item(&at(72.0), None), 1);
        assert_eq!(nesting.item(&at(60.0), None), 0);
        assert_eq!(nesting.inside(50.0, 10.0), 0);
    }
}
