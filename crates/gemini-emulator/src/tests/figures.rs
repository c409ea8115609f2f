//! The places of a prompt's placeholders in the answer.

use proptest::prelude::*;

use crate::figures::place;

#[test]
fn figure_without_a_caption_follows_the_first_paragraph() {
    let two = "Figures on this page: 2\n[[figure 1]] and [[figure 2]]";
    for (text, prompt, expected) in [
        ("A.\n\nB.", two, "A.\n\n[[figure 1]]\n\n[[figure 2]]\n\nB."),
        ("A.", two, "A.\n\n[[figure 1]]\n\n[[figure 2]]"),
        ("  \n", two, "[[figure 1]]\n\n[[figure 2]]"),
        ("A.\n\nB.", "Write ![caption](figure:1), twice ![caption](figure:1).", "A.\n\n![caption](figure:1)\n\nB."),
        ("A.\n\nB.", "Figures on this page: 0. Write none, not even [[figure 1]].", "A.\n\nB."),
        ("A.\n\nB.", "Figures on this page: 1\n[[figure 1]] [[figure 2]]", "A.\n\n[[figure 1]]\n\nB."),
        ("A.\n\nB.", "No figures here, [[figure x]], ![](figure:), [[figure", "A.\n\nB."),
        (" A.\n\nB. ", "", " A.\n\nB. "),
    ] {
        assert_eq!(place(text, prompt), expected, "{prompt}");
    }
}

#[test]
fn figure_with_a_caption_stands_at_its_caption() {
    let two = "![](figure:1) and ![](figure:2)";
    for (text, prompt, expected) in [
        (
            "A.\n\nFigure 1: Cats.\n\nB.\n\n**Fig. 2.** Dogs.",
            two,
            "A.\n\n![Figure 1: Cats.](figure:1)\n\nB.\n\n![**Fig. 2.** Dogs.](figure:2)",
        ),
        ("A.\n\n(a) (b)\n\nAbb. 4.2: Both.", two, "A.\n\n(a) (b)\n\n![](figure:1)\n\n![](figure:2)\n\nAbb. 4.2: Both."),
        ("A.\n\nFigure 1: Cats [2].", "![](figure:1)", "A.\n\n![](figure:1)\n\nFigure 1: Cats [2]."),
        ("A.\n\nFigure 1: Cats.", "[[figure 1]]", "A.\n\n[[figure 1]]\n\nFigure 1: Cats."),
        ("Figure 7 shows a cat.\n\nB.", "![](figure:1)", "Figure 7 shows a cat.\n\n![](figure:1)\n\nB."),
        ("Figure 1: Cats.\n\nFigure 2: Dogs.", "![](figure:1)", "![Figure 1: Cats.](figure:1)\n\nFigure 2: Dogs."),
    ] {
        assert_eq!(place(text, prompt), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn figures_are_placed_once_and_all_blocks_stay(
        blocks in proptest::collection::vec(prop_oneof!["[a-z]{1,8}", "Figure [1-9]: [a-z]{1,8}", "Fig. [1-9]. \\[[a-z]{1,8}\\]"], 0..6),
        figures in 0..5_usize,
    ) {
        let prompt: String = (1..=figures).map(|number| format!("![](figure:{number}) ")).collect();
        let placed = place(&blocks.join("\n\n"), &prompt);
        for number in 1..=figures {
            prop_assert_eq!(placed.matches(&format!("](figure:{number})")).count(), 1, "{}", placed);
        }
        let mut rest = placed.as_str();
        for block in &blocks {
            let place = rest.find(block.as_str());
            prop_assert!(place.is_some(), "{}", placed);
            rest = &rest[place.unwrap_or_default() + block.len()..];
        }
    }

    #[test]
    fn any_prompt_keeps_all_words_of_the_text(text in "\\PC{0,60}", prompt in "([\\[\\]!(){}:a-z0-9 \n]|figure|Figures on this page:|\\[\\[figure 1\\]\\]){0,20}") {
        let placed = place(&text, &prompt);
        for word in text.split_whitespace() {
            prop_assert!(placed.contains(word));
        }
    }
}
