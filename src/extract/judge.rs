//! Judges an answer of Gemini before it is kept. A finish reason of `STOP` does not prove that the page was read (docs/GEMINI.md).
//!
//! [`judge`] is pure: it compares the answer with the page's own text, where the file has any. `outcome` says what a verdict means for the
//! page, and `loops` and `words` measure the text.

mod loops;
mod words;

use coldbrew_gemini::{Answer, Status};
use strum::{EnumString, IntoStaticStr};

use loops::is_loop;
use words::WORDS_MIN;
pub use words::{WordCounts, check};

/// Below this share of the page's own words, in percent, the answer is incomplete. Two independent readers of the same text agree on fewer
/// words on 4 of 7,485 pages (BENCHMARKS.md).
const RECALL_MIN_PERCENT: usize = 60;
/// The same for a page with figures: an answer leaves out the words inside them.
const RECALL_WITH_FIGURES_MIN_PERCENT: usize = 25;
/// Below this share of its own words, in percent, the answer has invented its text.
const PRECISION_MIN_PERCENT: usize = 40;
/// An answer is a loop if it is longer than three times the page's own text and this many characters more (docs/GEMINI.md, "Loops").
const CHARS_BEYOND_MAX: usize = 4_000;

/// What the judge knows of the page.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageFacts<'a> {
    /// The page's own text; `None`: it has none, or nothing is known of it.
    pub text: Option<&'a str>,
    /// How many figures were found on it.
    pub figures: usize,
}

/// What an answer is worth. The names are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Verdict {
    /// The page was read. Its text may be empty if the page has none.
    Read,
    /// The page was read up to the limit of the answer.
    Cut,
    /// The answer repeats itself.
    Looped,
    /// Gemini refused the page. The answer names a reason, such as `RECITATION`.
    Refused,
    /// There is no text in the answer, although the page has some, or although Gemini did not say that it had finished.
    Empty,
    /// Too few of the page's own words are in the answer, or too many others.
    Incomplete,
    /// A fault of the moment: the same request may succeed.
    Transient,
    /// Gemini does not accept the request.
    Rejected,
    /// The results have no line for the page.
    Missing,
}

impl Verdict {
    /// Whether the text of the answer can stand for the page.
    pub const fn is_usable(&self) -> bool {
        matches!(self, Self::Read | Self::Cut | Self::Incomplete)
    }

    /// Whether the page needs no other way of asking.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Read | Self::Cut)
    }

    /// Whether nothing is known of the page: no model has looked at it to the end.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Transient | Self::Missing)
    }
}

/// Judges the answer for a page.
pub fn judge(answer: &Answer, page: PageFacts<'_>) -> Verdict {
    if answer.block_reason.is_some() {
        return Verdict::Refused;
    }
    let (text, own) = (answer.text.trim(), page.text.map(str::trim).filter(|own| !own.is_empty()));
    match answer.finish_reason.as_deref() {
        Some("STOP" | "MAX_TOKENS" | "CONTINUATION") => {}
        None | Some("FINISH_REASON_UNSPECIFIED") if text.is_empty() => return Verdict::Empty,
        None | Some("FINISH_REASON_UNSPECIFIED") => {}
        Some(_) => return Verdict::Refused,
    }
    let is_cut = matches!(answer.finish_reason.as_deref(), Some("MAX_TOKENS" | "CONTINUATION"));
    if text.is_empty() {
        return if is_cut || own.is_some_and(has_words) { Verdict::Empty } else { Verdict::Read };
    }
    if is_loop(text, own) || own.is_some_and(|own| is_far_longer(text, own)) {
        return Verdict::Looped;
    }
    match own.map(|own| WordCounts::of(own, text)) {
        // A cut answer lacks words for another reason.
        Some(counts) if differs(counts, page.figures, is_cut) => Verdict::Incomplete,
        _ if is_cut => Verdict::Cut,
        _ => Verdict::Read,
    }
}

/// Judges the error of a page's own request.
pub fn judge_error(status: &Status) -> Verdict {
    if status.is_transient() { Verdict::Transient } else { Verdict::Rejected }
}

fn has_words(own: &str) -> bool {
    WordCounts::of(own, "").own >= WORDS_MIN
}

fn is_far_longer(text: &str, own: &str) -> bool {
    has_words(own) && text.chars().count() > 3 * own.chars().count() + CHARS_BEYOND_MAX
}

const fn differs(counts: WordCounts, figures: usize, is_cut: bool) -> bool {
    let recall_min = if figures == 0 { RECALL_MIN_PERCENT } else { RECALL_WITH_FIGURES_MIN_PERCENT };
    let lacks = !is_cut && counts.recall_percent() < recall_min;
    let invents = counts.answered >= WORDS_MIN && counts.precision_percent() < PRECISION_MIN_PERCENT;
    counts.own >= WORDS_MIN && (lacks || invents)
}

#[cfg(test)]
mod tests;
