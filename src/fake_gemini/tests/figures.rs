//! Where the placeholders of a prompt end up.

use proptest::prelude::*;

use crate::fake_gemini::figures::place;

#[test]
fn placeholders_stand_behind_the_first_paragraph() {
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

proptest! {
    #[test]
    fn no_prompt_loses_text(text in "\\PC{0,60}", prompt in "([\\[\\]!(){}:a-z0-9 \n]|figure|Figures on this page:|\\[\\[figure 1\\]\\]){0,20}") {
        let placed = place(&text, &prompt);
        for word in text.split_whitespace() {
            prop_assert!(placed.contains(word));
        }
    }
}
