//! The outcome of a page: text that is stored and charged, or a failure with its reason.

use serde::{Deserialize, Serialize};

use super::fence::unwrapped;
use super::judge::{Verdict, judge};
use super::ladder::Way;
use super::{OwnPage, PageFigures};
use crate::markdown::shallow;
use crate::model::{Mode, Pricing, TokenUsage};
use coldbrew_gemini::{Answer, Status};

const CUT: &str = "Gemini stopped before the end of this page, so its text may be incomplete.";
const INCOMPLETE: &str = "Some of this page may be missing or changed: compare it with the original.";
const BLANK: &str = "There is no text on this page.";

/// The outcome of one page in an AI mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageResult {
    /// Counts from 0.
    pub index: u32,
    pub outcome: PageOutcome,
}

/// The text of a page, or why there is none. `charge` is in token equivalents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PageOutcome {
    Read {
        markdown: String,
        note: Option<String>,
        usage: TokenUsage,
        charge: u64,
        model: String,
    },
    /// `text` is the file's own text of the page, which is free; empty if there is none.
    Failed {
        reason: String,
        text: String,
    },
}

/// What an answer is worth, and what it makes of the page if it is the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub verdict: Verdict,
    pub outcome: PageOutcome,
}

impl Judged {
    /// The same, but an answer without text counts as none: it must not replace a text.
    pub fn needing_text(self, own: &OwnPage) -> Self {
        match &self.outcome {
            PageOutcome::Read { markdown, .. } if markdown.is_empty() => {
                Self { verdict: Verdict::Empty, outcome: own.failed(failure_reason(Verdict::Empty)) }
            }
            _ => self,
        }
    }
}

/// Judges Gemini's answer for a page, and puts the figures in place. A page without text is not charged.
pub fn outcome_of(
    answer: &Answer,
    figures: PageFigures<'_>,
    own: &OwnPage,
    way: Way,
    (mode, pricing): (Mode, Pricing),
) -> Judged {
    let verdict = judge(answer, own.facts(figures.figures.len()));
    if !verdict.is_usable() {
        return Judged { verdict, outcome: own.failed(&reason_of(verdict, answer)) };
    }
    let text = shallow(answer.text.as_str().into());
    let written = unwrapped(&text, verdict == Verdict::Cut);
    let markdown = figures.substitute(written);
    // The answer may consist of placeholders without a figure, which are removed.
    let is_blank = written.is_empty() || markdown.is_empty();
    let remark = match verdict {
        _ if is_blank => Some(BLANK),
        Verdict::Cut => Some(CUT),
        Verdict::Incomplete => Some(INCOMPLETE),
        _ => None,
    };
    let notes: Vec<&str> = way_note(way).into_iter().chain(remark).collect();
    let usage = TokenUsage {
        input: answer.usage.prompt_tokens,
        output: answer.usage.candidates_tokens,
        thoughts: answer.usage.thoughts_tokens,
    };
    let outcome = PageOutcome::Read {
        markdown,
        note: (!notes.is_empty()).then(|| notes.join(" ")),
        usage,
        charge: if is_blank { 0 } else { pricing.charge(usage, mode) },
        model: answer.model_version.clone().unwrap_or_default(),
    };
    Judged { verdict, outcome }
}

impl OwnPage {
    /// The outcome of a page that was not read, with its own text in its place.
    pub fn failed(&self, reason: &str) -> PageOutcome {
        PageOutcome::Failed { reason: reason.to_owned(), text: self.text.clone() }
    }

    /// The outcome of a page that is not sent, because there is nothing to read on it.
    pub fn blank() -> PageOutcome {
        let (usage, model) = (TokenUsage::default(), String::new());
        PageOutcome::Read { markdown: String::new(), note: Some(BLANK.to_owned()), usage, charge: 0, model }
    }
}

/// Why a page was not read, for people.
fn reason_of(verdict: Verdict, answer: &Answer) -> String {
    let why = answer.block_reason.as_deref().or(answer.finish_reason.as_deref()).unwrap_or_default();
    match verdict {
        Verdict::Refused => format!("Gemini would not read this page ({}).", words(why)),
        _ => failure_reason(verdict).to_owned(),
    }
}

/// Why a page without an answer was not read, for people.
pub const fn failure_reason(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Looped => "Gemini repeated itself on this page instead of reading it.",
        Verdict::Refused => "Gemini would not read this page.",
        Verdict::Rejected => "Gemini could not process this page.",
        Verdict::Transient => "Gemini failed on this page. Reading it again may work.",
        _ => "Gemini gave no answer for this page.",
    }
}

/// What a person is told of a page that was not read in the usual way.
const fn way_note(way: Way) -> Option<&'static str> {
    match way {
        Way::Usual | Way::Again => None,
        Way::Grounded => Some("Read in a second way."),
        Way::OtherModel => Some("Read in a second way, by another model."),
        Way::Halves => Some("Read in a second way, as two halves."),
    }
}

/// The verdict on a page whose own request in a batch failed.
pub fn line_failure(status: &Status, own: &OwnPage) -> Judged {
    let verdict = super::judge_error(status);
    Judged { verdict, outcome: own.failed(failure_reason(verdict)) }
}

/// `PROHIBITED_CONTENT` as "prohibited content".
fn words(constant: &str) -> String {
    constant.chars().take(60).map(|c| if c == '_' { ' ' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::wire::{PageView, SECOND_WAY};

    const OWN: &str = "The file itself says this.";

    fn answer(text: &str, finish_reason: Option<&str>) -> Answer {
        let mut answer =
            Answer { text: text.into(), finish_reason: finish_reason.map(Into::into), ..Answer::default() };
        answer.usage.prompt_tokens = 1_000;
        answer.usage.candidates_tokens = 10;
        answer
    }

    fn judged_by(answer: &Answer, way: Way) -> Judged {
        let figures = PageFigures { content_hash: "abc", page: 0, figures: &[] };
        let own = OwnPage { text: OWN.to_owned(), ..OwnPage::default() };
        outcome_of(answer, figures, &own, way, (Mode::Batch, Pricing::default()))
    }

    /// The text, note and charge of a page that was read.
    fn read(answer: &Answer) -> (String, Option<String>, u64) {
        match judged_by(answer, Way::Usual).outcome {
            PageOutcome::Read { markdown, note, charge, .. } => (markdown, note, charge),
            PageOutcome::Failed { reason, .. } => panic!("{reason}"),
        }
    }

    #[test]
    fn complete_text_is_stored_and_charged() {
        assert_eq!(read(&answer("# Hi\n", Some("STOP"))), ("# Hi".to_owned(), None, 530));
    }

    #[test]
    fn cut_text_is_stored_with_a_note() {
        assert_eq!(read(&answer("half", Some("MAX_TOKENS"))).1.as_deref(), Some(CUT));
    }

    #[test]
    fn cut_answer_is_unwrapped_and_its_code_closed() {
        let text = "```markdown\n# A\n\n```rust\nfn a() {";
        for (finish, page) in [("MAX_TOKENS", "# A\n\n```rust\nfn a() {\n```"), ("STOP", &format!("{text}\n```"))] {
            assert_eq!(read(&answer(text, Some(finish))).0, page);
        }
    }

    #[test]
    fn empty_page_is_free() {
        for text in ["", "![A chart](figure:1)"] {
            assert_eq!(read(&answer(text, Some("STOP"))), (String::new(), Some(BLANK.to_owned()), 0), "{text:?}");
        }
    }

    #[test]
    fn answer_without_text_is_none_where_a_text_is_needed() {
        let needing_text = |text| judged_by(&answer(text, Some("STOP")), Way::Halves).needing_text(&OwnPage::default());
        assert_eq!(needing_text("").verdict, Verdict::Empty);
        assert!(matches!(needing_text("").outcome, PageOutcome::Failed { .. }));
        assert_eq!(needing_text("text").verdict, Verdict::Read);
    }

    #[test]
    fn page_that_was_not_read_shows_its_own_text_and_why() {
        for (text, finish, word) in [
            ("", Some("MAX_TOKENS"), "no answer"),
            ("", None, "no answer"),
            ("x", Some("SAFETY"), "(safety)"),
            ("x", Some("RECITATION"), "(recitation)"),
            (&"the same again ".repeat(99), Some("STOP"), "repeated itself"),
        ] {
            let PageOutcome::Failed { reason, text } = judged_by(&answer(text, finish), Way::Usual).outcome else {
                panic!("{finish:?}")
            };
            assert!(reason.contains(word), "{reason}");
            assert_eq!(text, OWN);
        }
        let blocked = Answer { block_reason: Some("PROHIBITED_CONTENT".into()), ..answer("x", None) };
        let PageOutcome::Failed { reason, .. } = judged_by(&blocked, Way::Usual).outcome else { panic!() };
        assert!(reason.contains("prohibited content"));
    }

    #[test]
    fn page_read_in_another_way_says_so() {
        for (way, word) in [(Way::Grounded, "second way"), (Way::OtherModel, "another model"), (Way::Halves, "halves")]
        {
            let quiet = |note: Option<&str>| {
                let note = note.map(str::to_owned);
                PageView { note, ..PageView::default() }.has_quiet_note()
            };
            let PageOutcome::Read { note, .. } = judged_by(&answer("text", Some("MAX_TOKENS")), way).outcome else {
                panic!()
            };
            let note = note.unwrap();
            assert!(note.starts_with(SECOND_WAY) && note.contains(word) && note.ends_with(CUT), "{note}");
            assert_eq!((quiet(way_note(way)), quiet(Some(&note))), (true, false));
        }
    }

    #[test]
    fn failed_batch_row_says_whether_to_retry() {
        for (code, words) in [(8, "Reading it again"), (13, "Reading it again"), (3, "could not process this page")] {
            let status = Status { code, message: String::new() };
            let PageOutcome::Failed { reason, .. } = line_failure(&status, &OwnPage::default()).outcome else {
                panic!()
            };
            assert!(reason.contains(words), "{code}: {reason}");
        }
    }
}
