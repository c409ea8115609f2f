//! Examples of text cut by page breaks, and properties of all texts.

use proptest::prelude::*;

use super::{Flow, Part, with_own_footnotes};
use crate::markdown::page_mark;

fn flow(pages: &[&str]) -> Vec<Part> {
    let mut flow = Flow::default();
    let mut parts: Vec<Part> = (1..).zip(pages).filter_map(|(page, text)| flow.push(page, text)).collect();
    parts.extend(flow.finish());
    parts
}

fn texts(pages: &[&str]) -> Vec<String> {
    flow(pages).into_iter().map(|part| part.markdown).collect()
}

/// The whole text with each page's mark.
fn whole(pages: &[&str]) -> String {
    let part = |part: Part| {
        if part.is_start { format!("{}\n\n{}", page_mark(part.page), part.markdown) } else { part.markdown }
    };
    flow(pages).into_iter().map(part).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn words_and_paragraphs_cut_by_page_breaks_are_joined() {
    assert_eq!(texts(&["An exam-", "ple of it.\n\nMore."]), ["An exam<!-- page 2 -->ple of it.", "More."]);
    assert_eq!(texts(&["It goes\nso", "on and on."]), ["It goes\nso <!-- page 2 -->on and on."]);
    assert_eq!(texts(&["这是一个", "句子。"]), ["这是一个<!-- page 2 -->句子。"]);
    assert_eq!(texts(&["the state-of-the-", "art way"]), ["the state-of-the- <!-- page 2 -->art way"]);
    assert_eq!(texts(&["one", "two", "three.", "Four."]), ["one <!-- page 2 -->two <!-- page 3 -->three.", "Four."]);
}

#[test]
fn separate_blocks_are_not_joined() {
    for pages in [
        ["It ends.", "and so on"],
        ["It goes on", "With a capital."],
        ["# A heading", "and text"],
        ["Text", "- and a list"],
        ["- a list", "and text"],
        ["```\ncode\n```", "and text"],
        ["Text", "> and a quotation"],
        ["A *half", "and half* emphasis"],
        ["A `half", "and half` code"],
        ["", "and text"],
    ] {
        assert_eq!(texts(&pages), pages, "{pages:?}");
    }
    let mut flow = Flow::default();
    assert_eq!(flow.push(3, "It goes"), None);
    assert_eq!(flow.push(5, "on much later").map(|part| part.markdown).as_deref(), Some("It goes"));
}

#[test]
fn figures_and_footnotes_do_not_interrupt_a_paragraph() {
    let figure = "![A cup](/v1/images/ab/0_0.png?w=40&px=10x20)";
    let pages = [
        &format!("It goes[^p1-1]\n\n{figure}\n\n[^p1-1]: A note."),
        &format!("{figure}\n\non[^p2-1] and on.\n\n[^p2-1]: Another.\n\nMore[^p2-2].\n\n[^p2-2]: Last.") as &str,
    ];
    let expected = [
        format!("It goes[^p1-1] <!-- page 2 -->on[^p2-1] and on.\n\n{figure}\n\n[^p1-1]: A note.\n\n[^p2-1]: Another."),
        format!("{figure}\n\n\n\n\n\nMore[^p2-2].\n\n[^p2-2]: Last."),
    ];
    let squeezed =
        |text: &str| text.split("\n\n").filter(|block| !block.trim().is_empty()).collect::<Vec<_>>().join("\n\n");
    assert_eq!(
        texts(&pages).iter().map(|text| squeezed(text)).collect::<Vec<_>>(),
        expected.map(|text| squeezed(&text))
    );
}

#[test]
fn table_that_goes_on_is_joined_without_its_repeated_head() {
    let first = "Text.\n\n| a | *b* |\n|---|--:|\n| 1 | 2 |";
    let joined = "Text.\n\n| a | *b* |\n|---|--:|\n| 1 | 2 |\n|<!-- page 2 --> 3 | 4 |\n| 5 | 6 |";
    for head in ["| a | *b* |\n|---|---|", "|  |  |\n|---|---|"] {
        let second = format!("{head}\n| 3 | 4 |\n| 5 | 6 |\n\nMore.");
        assert_eq!(texts(&[first, &second]), [joined, "More."]);
    }
    let third = "| a | b |\n|---|---|\n| 7 | 8 |";
    let whole = texts(&["| a | b |\n|---|---|\n| 1 | 2 |", third, third]);
    assert_eq!(whole.len(), 1, "{whole:?}");
    for other in
        ["| a | c |\n|---|---|\n| 3 | 4 |", "| a | b | c |\n|---|---|---|\n| 3 | 4 | 5 |", "| a | *b* |\n|---|---|"]
    {
        assert_eq!(texts(&[first, other]), [first, other]);
    }
}

#[test]
fn footnote_that_goes_on_is_joined() {
    let first = "It is so.[^p1-1]\n\n[^p1-1]: A note that";
    let expected = ["It is so.[^p1-1]\n\n[^p1-1]: A note that goes on.", "More text."];
    assert_eq!(texts(&[first, "More text.\n\n[^p2-1]: goes on."]), expected);
    assert_eq!(texts(&[first, "More text.\n\ngoes on."]), expected);
    // A footnote of its own, and text that the page itself begins.
    for second in ["More text.[^p2-1]\n\n[^p2-1]: goes on.", "More text\n\ngoes on.", "More text.\n\nGoes on."] {
        assert_eq!(texts(&[first, second]), [first, second]);
    }
}

#[test]
fn footnote_labels_get_the_page_number() {
    assert_eq!(
        with_own_footnotes("a[^1] b[^x] `[^1]` c[^none]\n\n[^1]: one\n\n[^x]: two[^1]", 7),
        "a[^p7-1] b[^p7-x] `[^1]` c[^none]\n\n[^p7-1]: one\n\n[^p7-x]: two[^p7-1]"
    );
}

#[test]
fn joined_pages_stay_within_their_limit() {
    let mut flow = Flow::default();
    let parts = (1..=40).filter(|&page| flow.push(page, "on and on").is_some()).count();
    assert_eq!(parts, 4);
}

proptest! {
    /// The pages are joined without losing a letter, and each page is marked once, in order.
    #[test]
    fn joining_any_pages_keeps_every_letter(pages in proptest::collection::vec("[a-cA-C .,:*_`#>\\[\\]()^$|~<!\\n-]{0,40}", 1..6)) {
        let borrowed: Vec<&str> = pages.iter().map(String::as_str).collect();
        let whole = whole(&borrowed);
        let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
        let mut unmarked = whole.clone();
        let mut after = 0;
        for page in 1..=pages.len() {
            let mark = page_mark(u32::try_from(page).unwrap_or(0));
            prop_assert_eq!(whole.matches(&mark).count(), 1);
            let place = whole.find(&mark).unwrap_or(0);
            prop_assert!(place >= after);
            after = place;
            unmarked = unmarked.replace(&mark, "");
        }
        let mut sorted_out: Vec<char> = letters(&unmarked).chars().collect();
        let mut sorted_in: Vec<char> = letters(&pages.concat()).chars().collect();
        sorted_out.sort_unstable();
        sorted_in.sort_unstable();
        prop_assert_eq!(sorted_out, sorted_in);
    }

    #[test]
    fn text_cut_anywhere_is_restored(
        words in proptest::collection::vec("[a-zäöé]{2,9}", 3..30),
        cuts in proptest::collection::btree_set((0usize..29, 0usize..8), 1..5),
    ) {
        let mut pages = vec![String::new()];
        for (index, word) in words.iter().enumerate() {
            let letters: Vec<char> = word.chars().collect();
            let cut = cuts.iter().find(|cut| cut.0 == index && index + 1 < words.len()).map(|cut| cut.1 % letters.len());
            let Some(page) = pages.last_mut() else { continue };
            match cut {
                Some(0) if page.is_empty() => page.push_str(&format!("{word} ")),
                Some(0) => pages.push(format!("{word} ")),
                Some(at) => {
                    page.extend(letters[..at].iter());
                    page.push('-');
                    pages.push(letters[at..].iter().collect::<String>() + " ");
                }
                None => page.push_str(&format!("{word} ")),
            }
        }
        let borrowed: Vec<&str> = pages.iter().map(|page| page.trim()).collect();
        let mut whole = whole(&borrowed);
        for page in 1..=pages.len() {
            whole = whole.replace(&page_mark(u32::try_from(page).unwrap_or(0)), "");
        }
        prop_assert_eq!(whole.trim(), words.join(" "));
    }
}
