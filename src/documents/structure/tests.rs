//! Examples of books, and what holds for any pages.

use proptest::prelude::*;

use super::*;
use crate::markdown::Source;
use crate::markdown::blocks::{self, blocks};
use crate::markdown::references::{Anchors, Kind, Target};
use pulldown_cmark::Event;

fn structure(pages: &[impl AsRef<str>], guides: &Guides) -> Structure {
    let mut scan = Scan::default();
    (0..).zip(pages).for_each(|(index, page)| scan.push(index, page.as_ref()));
    scan.structure(guides)
}

fn guides(bookmarks: &[(&str, u8, u32)]) -> Guides {
    let guide =
        |(title, level, page): &(&str, u8, u32)| Guide { title: (*title).into(), level: *level, page: Some(*page) };
    Guides { bookmarks: bookmarks.iter().map(guide).collect(), labels: None }
}

fn applied(pages: &[impl AsRef<str>], guides: &Guides) -> Vec<String> {
    let structure = structure(pages, guides);
    (0..).zip(pages).map(|(index, page)| structure.applied(index, page.as_ref()).trim().to_owned()).collect()
}

/// The outline as lines: level, title, id.
fn outline(pages: &[impl AsRef<str>], guides: &Guides) -> Vec<(u8, String, String)> {
    structure(pages, guides).outline.into_iter().map(|entry| (entry.rank, entry.text, entry.id)).collect()
}

fn row(rank: u8, text: &str, id: &str) -> (u8, String, String) {
    (rank, text.into(), id.into())
}

#[test]
fn bookmarks_decide_levels_whatever_pages_say() {
    let pages = [
        "#### Chapter 1\n\n# Beginnings\n\nText.\n\n**1.1 First steps**\n\nText.",
        "# 1.2 Second steps\n\nText.\n\n# An aside\n\nText.\n\n1.2.1 Details\n\nText.",
        "### 2 Ends\n\nText.",
    ];
    let guides = guides(&[
        ("1 Beginnings", 1, 0),
        ("First steps", 2, 0),
        ("Second steps", 2, 1),
        ("1.2.1 Details", 3, 1),
        ("Ends", 1, 2),
        ("Nowhere", 2, 2),
    ]);
    assert_eq!(
        applied(&pages, &guides),
        [
            "Chapter 1\n# Beginnings\nText.\n\n## **1.1 First steps**\nText.",
            "## 1.2 Second steps\nText.\n\n### An aside\nText.\n\n### 1.2.1 Details\nText.",
            "# 2 Ends\nText."
        ]
        .map(|page| page.replace("\n#", "\n\n#").replace("\nText", "\n\nText").replace("\n\n\n", "\n\n"))
    );
    let expected = [
        row(1, "1 Beginnings", "page-1-1"),
        row(2, "First steps", "page-1-2"),
        row(2, "Second steps", "page-2-1"),
        row(3, "1.2.1 Details", "page-2-3"),
        row(1, "Ends", "page-3-1"),
        row(2, "Nowhere", "page-3"),
    ];
    assert_eq!(outline(&pages, &guides), expected);
}

#[test]
fn title_on_the_next_page_or_in_two_lines_is_found() {
    let pages = ["Text.", "# A title that is too long\n\n# for one line\n\nText."];
    let guides = guides(&[("A title that is too long for one line", 1, 0)]);
    assert_eq!(applied(&pages, &guides)[1], "# A title that is too long for one line\n\nText.");
    assert_eq!(outline(&pages, &guides), [row(1, "A title that is too long for one line", "page-2-1")]);
}

#[test]
fn numbers_decide_levels_without_bookmarks() {
    let pages = [
        "# Chapter 1\n\n# Beginnings\n\nText.\n\n# 1.1 First\n\nText.",
        "#### 1.1.1 Deep\n\nText.\n\n1.2 SECOND\n\nText.\n\n3.5 is a number that\n\nText.",
        "# Chapter 2\n\n## Ends\n\n### 2.1 Last\n\n# 2.1.1 Deeper\n\nText.",
    ];
    let expected = [
        row(1, "Chapter 1 Beginnings", "page-1-1"),
        row(2, "1.1 First", "page-1-2"),
        row(3, "1.1.1 Deep", "page-2-1"),
        row(2, "1.2 SECOND", "page-2-2"),
        row(1, "Chapter 2 Ends", "page-3-1"),
        row(2, "2.1 Last", "page-3-2"),
        row(3, "2.1.1 Deeper", "page-3-3"),
    ];
    assert_eq!(outline(&pages, &Guides::default()), expected);
    assert!(applied(&pages, &Guides::default())[1].contains("\n## 1.2 SECOND\n"));
}

#[test]
fn headings_without_number_go_down_one_level_at_a_time() {
    let pages = ["### One\n\nText.\n\n##### Two\n\nText.", "# Three\n\nText.\n\n###### Four\n\nText."];
    let levels: Vec<u8> = outline(&pages, &Guides::default()).into_iter().map(|(rank, ..)| rank).collect();
    assert_eq!(levels, [1, 2, 1, 2]);
}

/// A page in the middle of a book.
fn page(head: &str, number: usize) -> String {
    let word = ["cup", "mug", "pot", "jug", "can", "urn", "tin"][number % 7];
    format!(
        "{head}\n\nThe {word} of page {number} begins.\n\nIt goes on.\n\nMore of it.\n\nThe {word} is full, {number} times."
    )
}

#[test]
fn running_heads_and_page_numbers_are_left_out() {
    let mut pages = vec!["# Beginnings\n\nText.\n\nText.\n\nText.".to_owned()];
    pages.extend((2..12).map(|number| match number % 2 {
        0 => page(&format!("{number} CHAPTER 1. BEGINNINGS"), number),
        _ => page("A Book of Cups", number),
    }));
    pages.extend(
        (12..22).map(|number| page(&format!("Text {number} of its own."), number) + &format!("\n\n— {number} —")),
    );
    let found = applied(&pages, &guides(&[("Beginnings", 1, 0)]));
    assert!(found[0].starts_with("# Beginnings"), "{}", found[0]);
    assert!(found[1..].iter().all(|page| !page.contains("CHAPTER") && !page.contains('—')), "{found:?}");
    // The first of a run may be the title that the others repeat.
    assert_eq!(found.iter().filter(|page| page.contains("Book")).count(), 1, "{found:?}");
    assert!(found[12].starts_with("Text 13 of its own."));
    assert!(found.iter().skip(1).all(|page| page.contains(" begins.") && page.ends_with("times.")));
    let structure = structure(&pages, &Guides::default());
    assert_eq!((structure.label(5), structure.label(0)), (None, None));
}

#[test]
fn titles_at_the_edges_of_pages_stay() {
    // "Examples" begins every other page, and stands inside the others.
    let pages: Vec<String> = (0..12)
        .map(|number| match number % 2 {
            0 => page("#### Examples", number),
            _ => page("#### Usage", number) + "\n\n#### Examples\n\nOne.\n\nTwo.",
        })
        .collect();
    let found = applied(&pages, &Guides::default());
    assert!(found.iter().all(|page| page.contains("Examples")));
}

#[test]
fn section_title_that_a_page_repeats_at_its_top_is_left_out() {
    let pages = [
        "# One\n\n## 1.1 Cups\n\nText.\n\nText.",
        "1.1 CUPS\n\nText.\n\nText.\n\nText.\n\nText.",
        "## 1.2 Mugs\n\nText.",
    ];
    let guides = guides(&[("One", 1, 0), ("1.1 Cups", 2, 0), ("1.2 Mugs", 2, 2)]);
    let found = applied(&pages, &guides);
    assert!(
        found[1].starts_with("Text.") && found[0].contains("1.1 Cups") && found[2].contains("1.2 Mugs"),
        "{found:?}"
    );
}

#[test]
fn printed_contents_guide_where_there_are_no_bookmarks() {
    let contents = "# Contents\n\nPreface v\n\n1 Beginnings . . . . 1\n\n1.1 Cups … 1\n\n1.2 Mugs and\n\nother things … 2\n\n2 Ends … 3\n\n2.1 Last … 3\n\n**Index** . . . 4";
    let pages = [
        contents,
        "# Preface\n\nText.\n\nv",
        "### 1 Beginnings\n\n### 1.1 Cups\n\nText.\n\n1",
        "1.2 Mugs and other things\n\nText.\n\n2",
        "# 2 Ends\n\n# 2.1 Last\n\nText.\n\n3",
        "# Index\n\nText.\n\n4",
    ];
    let expected = [
        row(1, "Preface", "page-2-1"),
        row(1, "1 Beginnings", "page-3-1"),
        row(2, "1.1 Cups", "page-3-2"),
        row(2, "1.2 Mugs and other things", "page-4-1"),
        row(1, "2 Ends", "page-5-1"),
        row(2, "2.1 Last", "page-5-2"),
        row(1, "Index", "page-6-1"),
    ];
    assert_eq!(outline(&pages, &Guides::default()), expected);
    let structure = structure(&pages, &Guides::default());
    assert_eq!([structure.label(2), structure.label(4)], [Some("1"), Some("3")]);
    let links: Vec<&str> = structure.pages[&0].entries.iter().map(|(_, anchor)| anchor.as_str()).collect();
    assert_eq!(links, ["page-2-1", "page-3-1", "page-3-2", "page-4-1", "page-5-1", "page-5-2", "page-6-1"]);
    let references = References::new(structure.into());
    assert_eq!(references.of_line(0, "1.1  Cups … 1").as_deref(), Some("page-3-2"));
    assert_eq!(references.of_line(0, "1.1 Cups"), None);
}

#[test]
fn reference_leads_to_the_only_place_with_its_number() {
    let pages = [
        "# Part II Drinks\n\n# 1 Cups\n\n## 1.2 Mugs\n\nFigure 4: A mug.\n\n- [12] Knuth",
        "# Appendix B Pots\n\nFigure 5. A pot.\n\nTable 1: Pots",
        "# Chapter 2 Lids\n\nFigure 5. A lid.\n\nSee Figure 4.",
        "# 2 Lids again\n\nText.",
    ];
    let references = References::new(structure(&pages, &Guides::default()).into());
    let lead = |kind, number: &str| references.of_target(&Target { kind, number: number.to_owned() });
    for (kind, number, anchor) in [
        (Kind::Part, "2", Some("page-1-1")),
        (Kind::Section, "1", Some("page-1-2")),
        (Kind::Section, "1.2", Some("page-1-3")),
        (Kind::Section, "B", Some("page-2-1")),
        (Kind::Section, "2", None),
        (Kind::Section, "9", None),
        (Kind::Figure, "4", Some("page-1-figure-4")),
        (Kind::Figure, "5", None),
        (Kind::Table, "1", Some("page-2-table-1")),
        (Kind::Citation, "12", Some("page-1-citation-12")),
        (Kind::Page, "3", Some("page-3")),
        (Kind::Page, "99", None),
    ] {
        assert_eq!(lead(kind, number).as_deref(), anchor, "{kind:?} {number}");
    }
}

#[test]
fn labels_of_the_file_are_used() {
    let labels = Some(["i", "ii", "1", "2"].map(str::to_owned).to_vec());
    let found = structure(&["Text.", "Text.", "# One\n\nText.", "Text.\n\n2"], &Guides { labels, ..Guides::default() });
    assert_eq!([found.label(0), found.label(3)], [Some("i"), Some("2")]);
    assert_eq!(found.outline[0].label.as_deref(), Some("1"));
    assert_eq!(found.applied(3, "Text.\n\n2"), "Text.\n\n2", "one number is no evidence of a foot");
}

#[test]
fn page_that_was_replaced_stays_as_it_is() {
    let found = structure(&["### One"], &guides(&[("One", 1, 0)]));
    assert_eq!(found.applied(0, "### One").trim(), "# One");
    assert_eq!(found.applied(0, "### Two"), "### Two");
    assert_eq!(found.applied(1, "### One"), "### One");
}

#[test]
fn outline_of_many_bookmarks_is_complete() {
    let pages: Vec<String> = (0..1_182).map(|number| format!("### Section {number} of many\n\nText.")).collect();
    let titles: Vec<String> = (0..1_182).map(|number| format!("Section {number} of many")).collect();
    let bookmarks: Vec<(&str, u8, u32)> =
        (0..).zip(&titles).map(|(page, title)| (title.as_str(), 1 + (page % 4) as u8, page)).collect();
    let found = structure(&pages, &guides(&bookmarks));
    assert_eq!(found.outline.len(), 1_182);
    assert!(found.outline.iter().all(|entry| entry.id == format!("page-{}-1", entry.page + 1)));
}

/// The words of a page as a reader sees them.
fn words(markdown: &str) -> Vec<String> {
    let mut text = String::new();
    for event in Source::of(markdown).events() {
        match event {
            Event::Text(found) | Event::Code(found) | Event::InlineMath(found) | Event::DisplayMath(found) => {
                text.push_str(&found)
            }
            Event::Start(tag) if !matches!(tag, pulldown_cmark::Tag::Emphasis | pulldown_cmark::Tag::Strong) => {
                text.push(' ')
            }
            Event::End(pulldown_cmark::TagEnd::Emphasis | pulldown_cmark::TagEnd::Strong) => {}
            _ => text.push(' '),
        }
    }
    text.split_whitespace().map(str::to_owned).collect()
}

/// A page without the blocks that are left out as running heads.
fn without_heads(structure: &Structure, index: u32, markdown: &str) -> String {
    let heads = structure.pages.get(&index).map(|page| page.changes.as_slice()).unwrap_or_default();
    let is_head = |number: usize| heads.contains(&(u32::try_from(number).unwrap_or(0), Change::Head));
    let heads = blocks(markdown).into_iter().enumerate().filter(|(number, _)| is_head(*number));
    crate::markdown::flow::replaced(markdown, heads.map(|(_, block)| (block.range, "")))
}

fn any_page() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "[abAB01 .,:#*_`>|\\[\\]()~=!$^<\\\\-]{0,24}",
        "#{1,6} (1\\.2 |Chapter 3|A\\.1 )?[AB][ab]{0,3}( #| \\*b\\*|\\. 3| `a`)?",
        "(1\\.[1-3]|2|[1-9]\\)|-) [AB][ab]{1,3}",
        "[AB][ab]{1,2} (…|\\. \\.) [1-9]",
        "[1-9]{1,2}( [AB]b)?|x|xi|xii",
        "[ab]{1,3}\n(---|===)",
        Just("CHAPTER ONE".to_owned()),
    ];
    proptest::collection::vec(line, 0..9).prop_map(|lines| lines.join("\n\n"))
}

proptest! {
    /// Invariant C5.
    #[test]
    fn structure_changes_no_word(
        pages in proptest::collection::vec(any_page(), 1..9),
        bookmarks in proptest::collection::vec(("(1\\.2 |2 |Chapter 3 )?[AB][ab]{0,3}", 1u8..5, 0u32..9), 0..6),
    ) {
        let bookmarks: Vec<_> = bookmarks.iter().map(|(title, level, page)| (title.as_str(), *level, *page)).collect();
        let structure = structure(&pages, &guides(&bookmarks));
        for (index, page) in (0..).zip(&pages) {
            let after = structure.applied(index, page);
            prop_assert_eq!(words(&without_heads(&structure, index, page)), words(&after), "{:?} became {:?}", page, after);
        }
    }

    /// The ids of the outline are those that the renderer gives.
    #[test]
    fn outline_leads_to_headings_that_exist(
        pages in proptest::collection::vec(any_page(), 1..6),
        bookmarks in proptest::collection::vec(("(1\\.2 )?[AB][ab]{0,3}", 1u8..5, 0u32..6), 0..6),
    ) {
        let bookmarks: Vec<_> = bookmarks.iter().map(|(title, level, page)| (title.as_str(), *level, *page)).collect();
        let structure = structure(&pages, &guides(&bookmarks));
        let html: String = (0..).zip(&pages).map(|(index, page)| crate::markdown::safe_html(&structure.applied(index, page), index)).collect();
        for entry in structure.outline() {
            let is_heading = entry.id.matches('-').count() == 2;
            prop_assert!(!is_heading || html.contains(&format!("id=\"{}\"", entry.id)), "{:?} in {}", entry, html);
        }
        let ranks: Vec<u8> = [0].into_iter().chain(structure.outline().iter().map(|entry| entry.rank)).collect();
        prop_assert!(ranks.windows(2).all(|pair| pair[1] <= pair[0] + 1));
    }
}

#[test]
fn blocks_of_a_page_have_their_kinds() {
    let kinds: Vec<blocks::Kind> =
        blocks("# A\n\nb\n\n|a|\n|-|\n\n[^1]: c\n\n> # d\n\n![e](/v1/images/ab/0_0.png?w=40&px=10x20)\n")
            .into_iter()
            .map(|block| block.kind)
            .collect();
    assert_eq!(
        kinds,
        [
            blocks::Kind::Heading(1),
            blocks::Kind::Paragraph,
            blocks::Kind::Table,
            blocks::Kind::Footnote,
            blocks::Kind::Other,
            blocks::Kind::Figure
        ]
    );
}
