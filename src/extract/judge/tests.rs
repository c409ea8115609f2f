//! Verdicts on answers.

use super::*;

const OWN: &str = "Chapter Two. The engine was built in 1843 by two brothers, who had learned their trade in Leeds. It ran for forty years \
                   without a repair, and its second boiler is in the museum of the town. It is not known where the first one went, although \
                   letters of the younger brother name a farm in the north.";

fn answer(text: &str, finish_reason: &str) -> Answer {
    Answer { text: text.into(), finish_reason: Some(finish_reason.into()), ..Answer::default() }
}

fn verdict(text: &str, finish_reason: &str) -> Verdict {
    judge(&answer(text, finish_reason), PageFacts { text: Some(OWN), figures: 0 })
}

#[test]
fn answer_with_the_words_of_the_page_is_read_or_cut() {
    let whole = format!("# Chapter Two\n\n{OWN}");
    assert_eq!(verdict(&whole, "STOP"), Verdict::Read);
    assert_eq!(verdict(&whole, "FINISH_REASON_UNSPECIFIED"), Verdict::Read);
    for reason in ["MAX_TOKENS", "CONTINUATION"] {
        assert_eq!(verdict(&OWN[..60], reason), Verdict::Cut);
    }
}

#[test]
fn answer_that_lacks_most_words_is_incomplete_whatever_its_finish_reason() {
    assert_eq!(verdict(&OWN[..60], "STOP"), Verdict::Incomplete);
    let with_figure = PageFacts { text: Some(OWN), figures: 1 };
    assert_eq!(judge(&answer(&OWN[..120], "STOP"), with_figure), Verdict::Read);
}

#[test]
fn answer_with_other_words_than_the_page_is_incomplete() {
    let invented = "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife. ";
    assert_eq!(verdict(&invented.repeat(4), "MAX_TOKENS"), Verdict::Incomplete);
    assert_eq!(verdict(&format!("{OWN}{}", invented.repeat(5)), "STOP"), Verdict::Incomplete);
}

#[test]
fn answer_without_text_is_empty_unless_the_page_is() {
    assert_eq!(verdict(" \n", "STOP"), Verdict::Empty);
    assert_eq!(verdict("", "MAX_TOKENS"), Verdict::Empty);
    let blank = |finish_reason| judge(&answer("", finish_reason), PageFacts::default());
    assert_eq!(blank("STOP"), Verdict::Read);
    assert_eq!(blank("MAX_TOKENS"), Verdict::Empty);
    assert_eq!(blank("FINISH_REASON_UNSPECIFIED"), Verdict::Empty);
    assert_eq!(judge(&answer("", "STOP"), PageFacts { text: Some("7"), figures: 0 }), Verdict::Read);
}

#[test]
fn answer_that_was_stopped_or_blocked_is_refused() {
    for reason in ["RECITATION", "SAFETY", "A_NEW_ONE"] {
        assert_eq!(verdict(OWN, reason), Verdict::Refused);
    }
    let blocked = Answer { block_reason: Some("PROHIBITED_CONTENT".into()), ..answer(OWN, "STOP") };
    assert_eq!(judge(&blocked, PageFacts::default()), Verdict::Refused);
}

#[test]
fn loop_is_found_whatever_its_finish_reason() {
    let text = format!("{OWN}\n{}", "letters of the younger brother\n".repeat(50));
    for reason in ["STOP", "MAX_TOKENS"] {
        assert_eq!(verdict(&text, reason), Verdict::Looped);
    }
    let drifting: String = (0..900).map(|number| format!("item {number}; ")).collect();
    assert_eq!(verdict(&drifting, "STOP"), Verdict::Looped, "far longer than the page");
}

#[test]
fn error_of_a_row_is_transient_or_rejected() {
    for (code, expected) in [(13, Verdict::Transient), (8, Verdict::Transient), (3, Verdict::Rejected)] {
        assert_eq!(judge_error(&Status { code, message: String::new() }), expected);
    }
}
