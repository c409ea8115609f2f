//! Loops as models make them, and honest pages that repeat themselves.

use proptest::prelude::*;

use super::*;

const PROSE: &str = "The library of the old town was built in 1871 by an engineer who had seen the reading rooms of Paris and London. \
                     Its iron stacks carry four floors of books, and daylight reaches the lowest of them through glass bricks. In the \
                     winter of 1902 a pipe burst above the maps, and the town's first photographs were lost with them.\n\n";

/// A page of about 1,500 characters whose sentences differ.
fn page() -> String {
    (1..=5)
        .map(|number| format!("## {number}. Halls\n\n{}", PROSE.replace("1871", &(1871 + number).to_string())))
        .collect()
}

fn loops() -> [(&'static str, String); 12] {
    let page = page();
    [
        ("one character", format!("{page}{}", "0".repeat(6_000))),
        ("letters", format!("Index\n\n{}", "a".repeat(900))),
        ("one word", format!("{page}and {}", "the ".repeat(300))),
        ("a line", "The quick brown fox jumps over the lazy dog.\n".repeat(40)),
        ("a line after a whole page", format!("{page}{}", "See also the section on printing.\n".repeat(30))),
        ("a line before a whole page", format!("{}{page}", "See also the section on printing.\n".repeat(60))),
        ("table rows", format!("| Name | Year |\n|---|---|\n{}", "| Herschel | see Astronomy |\n".repeat(80))),
        ("two columns that alternate", format!("{page}{}", "| left one | right |\n| left two | wrong |\n".repeat(40))),
        ("dot leaders", format!("1 Introduction {}", ". ".repeat(2_500))),
        ("empty cells", format!("| Item | Price |\n|---|---|\n{}", "|  |  |\n".repeat(700))),
        ("Chinese", format!("第一章　緒論\n\n{}", "所以我們可以說，".repeat(120))),
        ("Thai", format!("บทนำ\n\n{}", "และการพัฒนา".repeat(150))),
    ]
}

fn honest() -> [(&'static str, String); 12] {
    let litany =
        ["Mary", "Michael", "Gabriel", "Raphael", "Joseph", "Peter", "Paul", "Andrew", "James", "John", "Thomas"];
    let litany: String = litany.iter().map(|name| format!("Saint {name}, pray for us.\n")).collect();
    let times = |a: u32| (1..=10).map(|b| format!("| {a} × {b} | {} ", a * b)).collect::<String>() + "|\n";
    let contents = |number: u32| format!("{number}. Chapter about {} {} {}\n", number * 7, ".".repeat(90), number * 13);
    let verse = |words: &str| {
        format!("{words}\nAnd the wind in the willows sang on,\nAnd the wind in the willows sang on.\n\n")
    };
    [
        ("a prayer in a page", format!("{}{litany}{}", "Lord, have mercy. Christ, have mercy. ".repeat(6), page())),
        ("a short chorus", "La la la, la la la.\n".repeat(8)),
        ("an index", (1..200).map(|n| format!("Anderson, {n}, 12, {}\n", n * 3)).collect()),
        ("a table of numbers", "| 0.00 | 0.00 | 0.00 | 0.00 |\n".repeat(40)),
        ("a sparse table", (1..60).map(|n| format!("| {n} | – | – | – | yes | – |\n")).collect()),
        (
            "code",
            format!(
                "```c\nstatic const uint8_t zeros[] = {{\n{}}};\n```\n{}",
                "    0x00, 0x00, 0x00, 0x00,\n".repeat(40),
                page()
            ),
        ),
        ("a multiplication table", (1..=10).map(times).collect()),
        (
            "a refrain",
            ["Down by the river", "Up on the hill", "Deep in the wood", "Far from the mill"].map(verse).concat(),
        ),
        ("leaders of a contents page", (1..40).map(contents).collect()),
        (
            "a form to be filled in",
            format!("Name: {}\n", "_".repeat(80)).repeat(2) + &format!("{}\n", "_".repeat(80)).repeat(20),
        ),
        ("rules of tables", (1..20).map(|n| format!("| {n} | a{n} |\n|---|---|\n")).collect()),
        ("a nembutsu", format!("{}\n{}", "南無阿弥陀仏".repeat(10), page())),
    ]
}

#[test]
fn answer_that_repeats_itself_is_a_loop() {
    for (name, text) in loops() {
        assert!(is_loop(&text, None), "{name}");
        assert!(is_loop(&text, Some(&page())), "{name}, beside the page's own text");
    }
}

#[test]
fn honest_repetition_is_no_loop() {
    for (name, text) in honest() {
        assert!(!is_loop(&text, None), "{name}");
        assert!(!is_loop(&text, Some(&text)), "{name}, beside the page's own text");
    }
}

#[test]
fn repetition_of_the_page_itself_is_no_loop() {
    let kyrie = "Lord, have mercy.\n".repeat(100);
    assert!(is_loop(&kyrie, None));
    assert!(!is_loop(&kyrie, Some(&"Lord, have mercy. ".repeat(95))));
    assert!(is_loop(&kyrie, Some("Lord, have mercy. (three times)")));
}

/// Whether some unit is repeated without a gap, found by trying all.
fn has_a_run(text: &[char]) -> bool {
    (1..=text.len() / REPEATS_MIN).any(|period| {
        let mut equal = 0;
        (period..text.len()).any(|index| {
            equal = if text[index] == text[index - period] { equal + 1 } else { 0 };
            equal >= (REPEATS_MIN - 1) * period
        })
    })
}

proptest! {
    #[test]
    fn text_without_a_period_is_no_loop(text in "[ab \n]{0,900}|([a-e]{1,4}[ |\n]){0,300}") {
        prop_assume!(!has_a_run(&with_single_spaces(&text)));
        prop_assert!(!is_loop(&text, None));
        prop_assert!(!is_loop(&text, Some("a b")));
    }

    #[test]
    fn long_repetition_at_the_end_is_a_loop(unit in "[a-zäöü一-十]{2,9}( [a-z,.]{1,8}){0,9}\n", pages in 0_usize..4) {
        let text = page().repeat(0) + &PROSE.repeat(pages.min(1)) + &unit.repeat(1_200 / unit.len() + 13);
        prop_assert!(is_loop(&text, None), "{unit:?}");
    }
}
