//! The outcome of a page: text that is stored and charged, or a failure with its reason.

use super::PageFigures;
use super::fence::unwrapped;
use crate::markdown::shallow;
use crate::model::{Mode, Pricing, TokenUsage};
use coldbrew_gemini::{Answer, Status};

const CUT: &str = "Gemini stopped before the end of this page, so its text may be incomplete.";
const BLANK: &str = "There is no text on this page.";

/// The outcome of one page in an AI mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageResult {
    /// Counts from 0.
    pub index: u32,
    pub outcome: PageOutcome,
}

/// The text of a page, or why there is none. `charge` is in token equivalents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageOutcome {
    Read { markdown: String, note: Option<String>, usage: TokenUsage, charge: u64, model: String },
    Failed { reason: String },
}

/// The outcome of a page from Gemini's answer, with its figures in place. A page without text is not charged.
pub fn outcome_of(answer: &Answer, figures: PageFigures<'_>, mode: Mode, pricing: Pricing) -> PageOutcome {
    if let Some(reason) = &answer.block_reason {
        return failed(&format!("Gemini declined to read this page ({}).", words(reason)));
    }
    let finish = answer.finish_reason.as_deref().unwrap_or("FINISH_REASON_UNSPECIFIED");
    let text = shallow(answer.text.as_str().into());
    let written = unwrapped(&text, finish == "MAX_TOKENS");
    let markdown = figures.substitute(written);
    // The answer may consist of placeholders without a figure, which are removed.
    let is_blank = written.is_empty() || markdown.is_empty();
    let note = match finish {
        "FINISH_REASON_UNSPECIFIED" if is_blank => return failed("Gemini gave no answer for this page."),
        "STOP" | "FINISH_REASON_UNSPECIFIED" => is_blank.then(|| BLANK.to_owned()),
        "MAX_TOKENS" if is_blank => return failed("Gemini stopped before it wrote anything for this page."),
        "MAX_TOKENS" => Some(CUT.to_owned()),
        other => return failed(&format!("Gemini stopped reading this page ({}).", words(other))),
    };
    let usage = TokenUsage {
        input: answer.usage.prompt_tokens,
        output: answer.usage.candidates_tokens,
        thoughts: answer.usage.thoughts_tokens,
    };
    PageOutcome::Read {
        markdown,
        note,
        usage,
        charge: if is_blank { 0 } else { pricing.charge(usage, mode) },
        model: answer.model_version.clone().unwrap_or_default(),
    }
}

/// The outcome of a page whose own request in a batch failed.
pub fn line_failure(status: &Status) -> PageOutcome {
    const RESOURCE_EXHAUSTED: i64 = 8;
    failed(match status.code {
        RESOURCE_EXHAUSTED => "Gemini had no capacity left for this page.",
        _ if status.is_transient() => "Gemini failed on this page. Reading it again may work.",
        _ => "Gemini could not process this page.",
    })
}

fn failed(reason: &str) -> PageOutcome {
    PageOutcome::Failed { reason: reason.to_owned() }
}

/// `PROHIBITED_CONTENT` as "prohibited content".
fn words(constant: &str) -> String {
    constant.chars().take(60).map(|c| if c == '_' { ' ' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str, finish_reason: Option<&str>) -> Answer {
        let mut answer =
            Answer { text: text.into(), finish_reason: finish_reason.map(Into::into), ..Answer::default() };
        answer.usage.prompt_tokens = 1_000;
        answer.usage.candidates_tokens = 10;
        answer
    }

    fn outcome(answer: &Answer) -> PageOutcome {
        let figures = PageFigures { content_hash: "abc", page: 0, figures: &[] };
        outcome_of(answer, figures, Mode::Batch, Pricing::default())
    }

    #[test]
    fn complete_text_is_stored_and_charged() {
        let PageOutcome::Read { markdown, note, charge, .. } = outcome(&answer("# Hi\n", Some("STOP"))) else {
            panic!()
        };
        assert_eq!((markdown.as_str(), note, charge), ("# Hi", None, 530));
    }

    #[test]
    fn cut_text_is_stored_with_a_note() {
        let PageOutcome::Read { note, .. } = outcome(&answer("half", Some("MAX_TOKENS"))) else { panic!() };
        assert!(note.is_some());
    }

    #[test]
    fn cut_answer_is_unwrapped_and_its_code_closed() {
        let text = "```markdown\n# A\n\n```rust\nfn a() {";
        for (finish, page) in [("MAX_TOKENS", "# A\n\n```rust\nfn a() {\n```"), ("STOP", &format!("{text}\n```"))] {
            let PageOutcome::Read { markdown, .. } = outcome(&answer(text, Some(finish))) else { panic!() };
            assert_eq!(markdown, page);
        }
    }

    #[test]
    fn empty_page_is_free() {
        for text in ["", "![A chart](figure:1)"] {
            let PageOutcome::Read { markdown, note, charge, .. } = outcome(&answer(text, Some("STOP"))) else {
                panic!()
            };
            assert_eq!((markdown.as_str(), note.as_deref(), charge), ("", Some(BLANK), 0), "{text:?}");
        }
    }

    #[test]
    fn answer_without_text_and_finish_reason_is_a_failed_page() {
        assert!(matches!(outcome(&answer("", None)), PageOutcome::Failed { .. }));
        assert!(matches!(outcome(&answer("text", None)), PageOutcome::Read { note: None, .. }));
    }

    #[test]
    fn stopped_or_blocked_answer_is_a_failed_page() {
        for (text, finish) in [("", "MAX_TOKENS"), ("x", "SAFETY"), ("x", "RECITATION"), ("x", "A_NEW_ONE")] {
            let outcome = outcome(&answer(text, Some(finish)));
            assert!(matches!(outcome, PageOutcome::Failed { .. }), "{text} {finish}");
        }
        let blocked = Answer { block_reason: Some("PROHIBITED_CONTENT".into()), ..answer("x", None) };
        let PageOutcome::Failed { reason } = outcome(&blocked) else { panic!() };
        assert!(reason.contains("prohibited content"));
    }

    #[test]
    fn failed_batch_row_says_whether_to_retry() {
        for (code, words) in
            [(8, "capacity"), (13, "Reading it again"), (2, "Reading it again"), (3, "could not process this page")]
        {
            let status = Status { code, message: String::new() };
            let PageOutcome::Failed { reason } = line_failure(&status) else { panic!() };
            assert!(reason.contains(words), "{code}: {reason}");
        }
    }
}
