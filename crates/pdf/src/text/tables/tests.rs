//! Tables of whole pages.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::glyph::{Glyph, upright};
use super::super::testing::{glyphs, mono_glyphs, to_markdown};
use super::*;

const PAGE_HEIGHT: f32 = 842.0;

/// A page of these texts, each at its own place.
fn page(texts: &[(&str, f32, f32)]) -> Vec<Glyph> {
    texts.iter().flat_map(|(text, left, down)| [glyphs(text, *left, *down), glyphs("\n", 0.0, 0.0)].concat()).collect()
}

/// Rows 12 points apart with their cells at these places.
fn rows(rows: &[&[&str]], lefts: &[f32]) -> Vec<Glyph> {
    let row = |(at, row): (usize, &&[&str])| {
        let cells: Vec<_> =
            row.iter().zip(lefts).map(|(text, left)| (*text, *left, 100.0 + 12.0 * at as f32)).collect();
        page(&cells)
    };
    rows.iter().enumerate().flat_map(row).collect()
}

fn across(down: f32, from: f32, to: f32) -> Rule {
    Rule { left: from, bottom: PAGE_HEIGHT - down, right: to, top: PAGE_HEIGHT - down + 0.4 }
}

fn upwards(left: f32, from: f32, to: f32) -> Rule {
    Rule { left, bottom: PAGE_HEIGHT - to, right: left + 0.4, top: PAGE_HEIGHT - from }
}

/// The rules around all cells of rows at 100 points from the top.
fn grid(count: usize, lefts: &[f32]) -> Vec<Rule> {
    let (from, to) = (lefts[0], lefts[lefts.len() - 1]);
    let bottom = 91.0 + 12.0 * count as f32;
    let across_all = (0..=count).map(|row| across(91.0 + 12.0 * row as f32, from, to));
    across_all.chain(lefts.iter().map(|left| upwards(*left, 91.0, bottom))).collect()
}

const FRUIT: [&[&str]; 3] = [&["Fruit", "Colour"], &["Apple", "red | green"], &["Plum", "a <blue> one"]];
const FRUIT_PIPES: &str = "| Fruit | Colour |\n|---|---|\n| Apple | red \\| green |\n| Plum | a &lt;blue> one |";

#[test]
fn cells_between_rules_become_a_table() {
    let markdown = to_markdown(&rows(&FRUIT, &[52.0, 152.0]), &grid(3, &[50.0, 150.0, 250.0]));
    assert_eq!(markdown, FRUIT_PIPES);
}

#[test]
fn table_stands_between_the_texts_around_it() {
    let mut glyphs = page(&[("Before the table.", 50.0, 70.0)]);
    glyphs.extend(rows(&FRUIT, &[52.0, 152.0]));
    glyphs.extend(page(&[("Behind the table.", 50.0, 160.0)]));
    let markdown = to_markdown(&glyphs, &grid(3, &[50.0, 150.0, 250.0]));
    assert_eq!(markdown, format!("Before the table.\n\n{FRUIT_PIPES}\n\nBehind the table."));
}

#[test]
fn cell_over_two_columns_becomes_html() {
    let mut rules = grid(3, &[50.0, 150.0, 250.0]);
    // The rule between the columns begins below the first row.
    rules.retain(|rule| rule.left != 150.0);
    rules.push(upwards(150.0, 103.0, 127.0));
    let cells = rows(&[&["Both of <them>"], &["Apple", "1. red"], &["Plum", "blue *"]], &[52.0, 152.0]);
    assert_eq!(
        to_markdown(&cells, &rules),
        "<table>\n<tr><th colspan=\"2\">Both of &#60;them&#62;</th></tr>\n<tr><td>Apple</td><td>1&#46; red</td></tr>\n\
         <tr><td>Plum</td><td>blue &#42;</td></tr>\n</table>"
    );
}

#[test]
fn lines_between_two_rules_are_one_cell() {
    let lefts = [50.0, 150.0, 250.0];
    let mut rules = grid(4, &lefts);
    // No rule between the third and the fourth line.
    rules.retain(|rule| rule.bottom != across(127.0, 0.0, 0.0).bottom);
    let cells = rows(&[&["Fruit", "Colour"], &["Apple", "red"], &["Plum", "blue or"], &["", "violet"]], &[52.0, 152.0]);
    assert_eq!(
        to_markdown(&cells, &rules),
        "| Fruit | Colour |\n|---|---|\n| Apple | red |\n| Plum | blue or violet |"
    );
}

#[test]
fn rules_above_below_and_under_the_header_make_a_table() {
    let rules = [across(90.0, 50.0, 250.0), across(103.0, 50.0, 250.0), across(128.0, 50.0, 250.0)];
    assert_eq!(to_markdown(&rows(&FRUIT, &[52.0, 152.0]), &rules), FRUIT_PIPES);
}

#[test]
fn aligned_columns_become_a_table_without_rules() {
    let cells: [&[&str]; 4] =
        [&["Name", "Size", "Kind"], &["alpha", "12", "letter"], &["beta", "7", "letter"], &["one", "1", "digit"]];
    assert_eq!(
        to_markdown(&rows(&cells, &[50.0, 150.0, 250.0]), &[]),
        "| Name | Size | Kind |\n|---|---|---|\n| alpha | 12 | letter |\n| beta | 7 | letter |\n| one | 1 | digit |"
    );
}

#[test]
fn line_that_continues_a_full_cell_is_part_of_it() {
    let cells: [&[&str]; 5] = [
        &["-26", "ONE", "a text as wide as its column"],
        &["-27", "TWO", "another that goes on in a new"],
        &["", "", "line"],
        &["-28", "SIX", "short"],
        &["-29", "TEN", "short"],
    ];
    let markdown = to_markdown(&rows(&cells, &[50.0, 150.0, 250.0]), &[]);
    assert!(markdown.contains("| -27 | TWO | another that goes on in a new line |\n| -28 |"), "{markdown}");
}

/// Whether the page has a table.
fn has_table(glyphs: &[Glyph], rules: &[Rule]) -> bool {
    let markdown = to_markdown(glyphs, rules);
    markdown.contains("|---") || markdown.contains("<table>")
}

#[test]
fn text_in_columns_that_is_no_table_is_left() {
    let cases: [(&str, Vec<Glyph>); 7] = [
        ("two columns of prose", {
            let line: &[&str] = &["one line of the left column that is wide", "and the one of the right column beside"];
            rows(&[line; 8], &[50.0, 300.0])
        }),
        ("contents", rows(&[&["Preface", "1"], &["Start", "3"], &["Middle", "12"], &["End", "70"]], &[50.0, 300.0])),
        (
            "leaders",
            rows(
                &[&["A . . . . . . . .", "1"], &["B ........", "3"], &["C ......", "9"], &["D .......", "4"]],
                &[50.0, 300.0],
            ),
        ),
        (
            "index",
            rows(
                &[
                    &["apple, 12", "pear, 3"],
                    &["beet, 4", "quince, 12"],
                    &["fig, 7", "rose, 8"],
                    &["grape, 1", "sloe, 2"],
                ],
                &[50.0, 300.0],
            ),
        ),
        ("list", rows(&[&["•", "one"], &["•", "two"], &["•", "three"], &["•", "four"]], &[50.0, 100.0])),
        ("matrix", rows(&[&["1", "0", "0"], &["0", "1", "0"], &["0", "0", "1"]], &[50.0, 100.0, 150.0])),
        (
            "definitions",
            rows(
                &[&["-a", "Prints all."], &["-b", "Is brief."], &["-c", "Counts."], &["-d", "Deletes."]],
                &[50.0, 150.0],
            ),
        ),
    ];
    for (name, glyphs) in cases {
        assert!(!has_table(&glyphs, &[]), "{name}: {}", to_markdown(&glyphs, &[]));
    }
}

#[test]
fn code_with_columns_is_left() {
    let row = |name: &str, call: &str| format!("{name:<16}{call:<16}// million\n");
    let lines = [row("let a;", "wide(1)"), row("let gamma;", "Will(2)"), row("let l;", "mild(3)")];
    let listing = lines.iter().enumerate().flat_map(|(row, line)| mono_glyphs(line, 50.0, 100.0 + 12.0 * row as f32));
    assert!(!has_table(&listing.collect::<Vec<_>>(), &[]));
}

#[test]
fn boxes_notes_and_drawings_are_no_tables() {
    let note = rows(&[&["Note", "Words about it."], &["", "And more of them."]], &[52.0, 152.0]);
    let frame = [
        across(91.0, 50.0, 250.0),
        across(115.0, 50.0, 250.0),
        upwards(50.0, 91.0, 115.0),
        upwards(250.0, 91.0, 115.0),
    ];
    let divided = [&frame[..], &[upwards(150.0, 91.0, 115.0)]].concat();
    assert!(!has_table(&note, &frame), "a box");
    assert!(!has_table(&note, &divided), "a note");
    // A fine grid behind words.
    let lefts: Vec<f32> = (0..20).map(|at| 50.0 + 10.0 * at as f32).collect();
    let words = rows(&[&["overlapping words"], &["everywhere around"], &["without an end"]], &[52.0]);
    assert!(!has_table(&words, &grid(3, &lefts)), "a drawing");
}

#[test]
fn page_made_to_take_long_is_read_in_time() {
    // Unoptimized; a release build takes a tenth.
    const LONGEST: Duration = Duration::from_secs(60);
    let mut many = Vec::new();
    for row in 0..1_000 {
        many.extend(glyphs(&"a ".repeat(50), 5.0 * (row % 7) as f32, 0.8 * row as f32));
        many.push(glyphs("\n", 0.0, 0.0)[0]);
    }
    let crossing = |at: usize| [across(0.8 * at as f32, 0.0, 600.0), upwards(0.6 * at as f32, 0.0, 800.0)];
    let cases: [Vec<Rule>; 3] = [
        (0..50_000).flat_map(crossing).collect(),
        (0..450).flat_map(crossing).collect(),
        (0..390).map(|at| across(2.0 * at as f32, 10.0 * (at / 2) as f32 / 4.0, 600.0)).collect(),
    ];
    for rules in cases {
        let start = Instant::now();
        let _ = to_markdown(&many, &rules);
        assert!(start.elapsed() < LONGEST, "{:?} for {} rules", start.elapsed(), rules.len());
    }
}

fn any_text() -> impl Strategy<Value = (String, f32, f32)> {
    let column = prop_oneof![Just(52.0_f32), Just(152.0), Just(252.0), 0.0_f32..500.0];
    ("[a-z0-9|<&*]{1,8}( [a-z]{1,5})?", column, (0_usize..12).prop_map(|row| 100.0 + 12.0 * row as f32))
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let step = |count: usize| (0..count).prop_map(|at| at as f32);
    prop_oneof![
        (step(13), step(3), step(4)).prop_map(|(row, from, to)| across(
            91.0 + 12.0 * row,
            50.0 + 100.0 * from,
            150.0 + 100.0 * to
        )),
        (step(5), step(6), step(12)).prop_map(|(column, from, to)| upwards(
            50.0 + 100.0 * column,
            91.0 + 12.0 * from,
            103.0 + 12.0 * to
        )),
    ]
}

proptest! {
    #[test]
    fn every_character_is_in_one_table_or_left(
        texts in proptest::collection::vec(any_text(), 0..40),
        rules in proptest::collection::vec(any_rule(), 0..30),
    ) {
        let texts: Vec<(&str, f32, f32)> = texts.iter().map(|(text, left, down)| (text.as_str(), *left, *down)).collect();
        let placed = upright(&page(&texts), &[], Turn::Upright);
        let inked = placed.iter().filter(|glyph| glyph.is_inked()).count();
        let mut page = Page::new(placed);
        let tables = drafts(&mut page, &Sides::of(&rules, Turn::Upright));
        let mut taken: Vec<usize> = tables.iter().flat_map(|draft| &draft.rows).flatten().flat_map(|cell| cell.glyphs.clone()).collect();
        let count = taken.len();
        taken.sort_unstable();
        taken.dedup();
        prop_assert_eq!(taken.len(), count, "a character is in two cells");
        prop_assert_eq!(page.rest().iter().filter(|glyph| glyph.is_inked()).count() + count, inked);
        for draft in &tables {
            let width = |row: &Vec<DraftCell>| row.iter().map(|cell| cell.columns).sum::<usize>();
            let has_tall = draft.rows.iter().flatten().any(|cell| cell.rows > 1);
            prop_assert!(has_tall || draft.rows.iter().all(|row| width(row) == width(&draft.rows[0])), "rows of unequal width");
        }
    }

    #[test]
    fn html_of_a_table_has_no_tags_of_the_text(
        texts in proptest::collection::vec(any_text(), 0..40),
        rules in proptest::collection::vec(any_rule(), 0..30),
    ) {
        let texts: Vec<(&str, f32, f32)> = texts.iter().map(|(text, left, down)| (text.as_str(), *left, *down)).collect();
        let mut rest = to_markdown(&page(&texts), &rules);
        for tag in ["<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>", "<th>", "</th>"] {
            rest = rest.replace(tag, "");
        }
        for span in 2..20 {
            for name in ["colspan", "rowspan"] {
                rest = rest.replace(&format!(" {name}=\"{span}\""), "");
            }
        }
        prop_assert!(!rest.replace("<td>", "").replace("<th>", "").contains('<'), "{rest}");
    }
}
