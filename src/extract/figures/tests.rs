//! Answers and their rendered text: figures in their places, closed code, unchanged captions.

use proptest::prelude::*;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::PageFigures;
use crate::extract::fence;
use crate::extract::placeholder::placeholder;
use crate::markdown::OPTIONS;
use coldbrew_pdf::figures::{Bounds, Figure};

fn figure(row: Option<u8>) -> Figure {
    Figure { bounds: Bounds::new(0.1, 0.1, 0.55, 0.3), row, width_px: 300, height_px: 200 }
}

fn substituted(markdown: &str, figures: &[Figure]) -> String {
    PageFigures { content_hash: "abc", page: 4, figures }.substitute(markdown)
}

/// The address of a figure that is not in a row.
fn address(index: usize) -> String {
    format!("/v1/images/abc/4_{index}.png?w=45&px=300x200")
}

/// The visible parts of a text: addresses and captions of images, the text of code blocks, and all other text.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    images: Vec<(String, String)>,
    code: String,
    text: String,
}

fn seen(markdown: &str) -> Seen {
    let mut seen = Seen::default();
    let (mut in_image, mut in_code) = (0, false);
    for event in Parser::new_ext(markdown, OPTIONS) {
        match event {
            Event::Start(Tag::Image { dest_url, .. }) => {
                if in_image == 0 {
                    seen.images.push((dest_url.to_string(), String::new()));
                }
                in_image += 1;
            }
            Event::End(TagEnd::Image) => in_image -= 1,
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                match seen.images.last_mut().filter(|_| in_image > 0) {
                    Some((_, caption)) => caption.push_str(&text),
                    None if in_code => seen.code.push_str(&text),
                    None => seen.text.push_str(&text),
                }
            }
            _ => {}
        }
    }
    seen.code.truncate(seen.code.trim_end().len());
    seen
}

/// Images with these captions in order, this code and this text.
fn only(captions: &[&str], code: &str, text: &str) -> Seen {
    let images = captions.iter().enumerate().map(|(index, caption)| (address(index), (*caption).to_owned())).collect();
    Seen { images, code: code.to_owned(), text: text.to_owned() }
}

#[test]
fn placeholder_becomes_its_figure_with_its_caption() {
    let text = substituted("Before.\n\n![Figure 1: A *cat*](figure:1)\n\nAfter.", &[figure(None)]);
    let image = "![Figure 1: A *cat*](/v1/images/abc/4_0.png?w=45&px=300x200)";
    assert_eq!(text, format!("Before.\n\n{image}\n\nAfter."));
}

#[test]
fn extra_placeholders_are_removed_and_missing_figures_appended() {
    let text = substituted("![](figure:2)\n\nA.\n\n![](figure:2) ![](figure:7)", &[figure(None), figure(None)]);
    let [first, second] = [0, 1].map(|index| format!("![](/v1/images/abc/4_{index}.png?w=45&px=300x200)"));
    assert_eq!(text, format!("{second}\n\nA.\n\n{first}"));
    assert_eq!(substituted("A.\n\n![](figure:1)", &[]), "A.");
}

#[test]
fn figures_of_a_row_become_one_paragraph() {
    let text = substituted("![a](figure:1)\n\n![b](figure:2)\n\nEnd.", &[figure(Some(1)), figure(Some(1))]);
    let [first, second] = [("a", 0), ("b", 1)]
        .map(|(name, index)| format!("![{name}](/v1/images/abc/4_{index}.png?w=45&px=300x200&row=1)"));
    assert_eq!(text, format!("{first}\n{second}\n\nEnd."));
}

#[test]
fn figure_in_a_line_gets_its_own_line_and_in_a_table_stays_in_its_cell() {
    let image = "![](/v1/images/abc/4_0.png?w=45&px=300x200)";
    assert_eq!(substituted("See ![](figure:1) here.", &[figure(None)]), format!("See\n\n{image}\n\nhere."));
    let table = "| a | b |\n|---|---|\n| ![](figure:1) | c |";
    assert_eq!(substituted(table, &[figure(None)]), table.replace("![](figure:1)", image));
}

#[test]
fn placeholder_in_code_is_kept_and_its_figure_appended() {
    let figures = [figure(None)];
    for (markdown, code, text) in [
        ("A.\n\n```\n![x](figure:1)\n```\n\nB.", "![x](figure:1)", "A.B."),
        ("~~~~md\n~~~\n\n![x](figure:1)\n~~~~\nB.", "~~~\n\n![x](figure:1)", "B."),
        ("- A.\n\n  ```\n  ![x](figure:1)\n  ```\n", "![x](figure:1)", "A."),
    ] {
        let substituted = substituted(markdown, &figures);
        assert_eq!(seen(&substituted), only(&[""], code, text), "{substituted}");
    }
    let both = "```\n![x](figure:1)\n```\n\n![Cats](figure:1)\n\nB.";
    assert_eq!(seen(&substituted(both, &figures)), only(&["Cats"], "![x](figure:1)", "B."));
}

#[test]
fn open_code_is_closed_before_appended_figures() {
    for (markdown, code, text) in [
        ("A.\n\n```rust\nfn a() {", "fn a() {", "A."),
        ("~~~\n```\na", "```\na", ""),
        ("`````\n```\n````\na", "```\n````\na", ""),
        ("- A.\n\n  ```\n  a", "a", "A."),
        ("> ```\n> a", "a", ""),
        ("A.\n\n$$\nx", "", "A.$$x"),
    ] {
        for captions in [&[][..], &[""]] {
            let page = substituted(markdown, &vec![figure(None); captions.len()]);
            let export = format!("{page}\n\nNext.");
            assert_eq!(seen(&export), only(captions, code, &format!("{text}Next.")), "{export}");
        }
    }
}

#[test]
fn caption_with_unpaired_marks_keeps_its_image() {
    let figures = [figure(None)];
    for (caption, shown) in [
        ("The interval [0, 1)", "The interval [0, 1)"),
        ("The interval (0, 1]", "The interval (0, 1]"),
        (r"\[0, 1)", "[0, 1)"),
        ("Cats [2]", "Cats [2]"),
        ("of $[0, 1)$ and `]`", "of [0, 1) and ]"),
        ("Cats\nand\n\n   dogs", "Cats and dogs"),
        (r"C:\", r"C:\"),
    ] {
        let text = substituted(&format!("A.\n\n![{caption}](figure:1)\n\nB."), &figures);
        assert_eq!(seen(&text), only(&[shown], "", "A.B."), "{text}");
    }
    let table = "| a | b |\n|---|---|\n| ![Cats | dogs](figure:1) | c |";
    assert_eq!(seen(&substituted(table, &figures)), only(&["Cats | dogs"], "", "abc"));
}

#[test]
fn figure_in_a_hidden_table_cell_is_appended() {
    let table = "| a |\n|---|\n| b | ![Cats](figure:1) |";
    assert_eq!(seen(&substituted(table, &[figure(None)])), only(&[""], "", "ab"));
}

proptest! {
    #[test]
    fn any_answer_shows_each_figure_once(
        parts in proptest::collection::vec(
            prop_oneof![
                3 => (0_usize..6).prop_map(placeholder),
                3 => proptest::sample::select(vec![
                    "\n", "\n\n", "\n```\n", "```", "\n~~~~\n", "~~~rust", "$$", "`", "- ", "> ", "    ", "![x](figure:)", "[", "]",
                    "\n| a |\n|---|\n", "| a |", "[^1]: ", "#", "](",
                ]).prop_map(str::to_owned),
                1 => "[a-z!\\[\\]():\n]{0,12}",
            ],
            0..16,
        ),
        count in 0_usize..4,
        row in proptest::option::of(Just(1)),
    ) {
        let text = substituted(&parts.concat(), &vec![figure(row); count]);
        let mut figures: Vec<String> = seen(&text).images.into_iter().map(|(address, _)| address).collect();
        figures.retain(|address| address.starts_with("/v1/images/"));
        figures.sort_unstable();
        let row = row.map_or(String::new(), |row| format!("&row={row}"));
        prop_assert_eq!(figures, (0..count).map(|index| address(index) + &row).collect::<Vec<_>>(), "{}", text);
        prop_assert!(seen(&format!("{text}\n\nNEXT")).text.ends_with("NEXT"), "{}", text);
    }

    #[test]
    fn any_caption_keeps_its_text(captions in proptest::collection::vec(r"[ab12\[\]()`$|\\^&#;. -]{0,24}", 2)) {
        let figures = [figure(Some(1)), figure(Some(1))];
        let text = substituted(&format!("![{}](figure:1)\n\n![{}](figure:2)", captions[0], captions[1]), &figures);
        let shown: Vec<String> = seen(&text).images.into_iter().map(|(_, caption)| caption).collect();
        // The letter prevents that a caption such as `1. Cats` is parsed as a list.
        let alone = captions.iter().map(|caption| {
            let line = caption.split_whitespace().collect::<Vec<_>>().join(" ");
            seen(&format!("x{line}")).text[1..].to_owned()
        });
        prop_assert_eq!(shown, alone.collect::<Vec<_>>(), "{}", text);
    }

    #[test]
    fn text_without_placeholders_is_unchanged(text in "[^(]{0,80}") {
        prop_assume!(fence::missing_end(&text).is_none());
        prop_assert_eq!(substituted(&text, &[]), text);
    }
}
