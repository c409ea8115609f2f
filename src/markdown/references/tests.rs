//! Examples of references, and what holds for any text.

use proptest::prelude::*;

use super::*;
use crate::markdown::{Setting, html_of};

/// Knows every target on page 9, and every line of page 1 that ends with a digit.
struct All;

impl Anchors for All {
    fn of_target(&self, target: &Target) -> Option<String> {
        Some(target.id(9))
    }

    fn of_line(&self, _: u32, line: &str) -> Option<String> {
        line.ends_with(|c: char| c.is_ascii_digit()).then(|| "page-9".to_owned())
    }

    fn has_lines(&self, page_index: u32) -> bool {
        page_index == 0
    }
}

/// What becomes a link, and its id.
fn links(markdown: &str, page_index: u32) -> Vec<(String, String)> {
    let html = html_of(markdown, page_index, Setting::Reader(None), Some(&All));
    let link = |part: &str| {
        let (address, rest) = part.split_once('"')?;
        Some((text(rest.split_once('>')?.1.split_once("</a>")?.0), address.split_once('#')?.1.to_owned()))
    };
    html.split("<a href=\"").skip(1).filter_map(link).collect()
}

fn text(html: &str) -> String {
    html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect()
}

fn pairs(links: &[(&str, &str)]) -> Vec<(String, String)> {
    links.iter().map(|(words, id)| ((*words).to_owned(), (*id).to_owned())).collect()
}

#[test]
fn reference_becomes_a_link_with_its_word() {
    for (markdown, expected) in [
        ("See Section 17.2.3.", &[("Section 17.2.3", "page-9-section-17-2-3")][..]),
        ("in §4, and\nAppendix B too", &[("§4", "page-9-section-4"), ("Appendix B", "page-9-section-B")]),
        (
            "Figures 4 and 5.1–5.3",
            &[("Figures 4", "page-9-figure-4"), ("5.1", "page-9-figure-5-1"), ("5.3", "page-9-figure-5-3")],
        ),
        ("as in Table\n2 on page 31", &[("Table\n2", "page-9-table-2"), ("page 31", "page-9-page-31")]),
        (
            "shown [3, 12] and [Knu84]",
            &[("3", "page-9-citation-3"), ("12", "page-9-citation-12"), ("Knu84", "page-9-citation-Knu84")],
        ),
    ] {
        assert_eq!(links(markdown, 3), pairs(expected), "{markdown}");
    }
}

#[test]
fn what_only_looks_like_a_reference_stays_text() {
    for markdown in [
        "# Section 3",
        "`Section 3`",
        "[Section 3](https://example.org)",
        "Section 3 of the POSIX standard",
        "Section 3a",
        "section three",
        "Table 2 in [GNU]",
        "an array[i]",
        "[see 12 below]",
        "[12 cups]",
    ] {
        let found = links(markdown, 3);
        assert!(
            found.iter().all(|(words, _)| words == "Section 3" && markdown.contains("example.org")),
            "{markdown}: {found:?}"
        );
    }
}

#[test]
fn caption_gets_an_id_and_no_link_to_itself() {
    for (markdown, id) in [
        ("Figure 4: A *cup*.", "page-4-figure-4"),
        ("**Table 2.1.** Cups", "page-4-table-2-1"),
        ("- [12] Knuth", "page-4-citation-12"),
        ("![Fig. 7 Cups](/v1/images/ab/6_0.png?w=43&px=10x20)", "page-4-figure-7"),
    ] {
        let html = html_of(markdown, 3, Setting::Reader(None), Some(&All));
        assert!(html.contains(&format!("<a id=\"{id}\"")), "{html}");
        assert!(!html.contains("#page-9"), "{html}");
    }
    let twice = html_of("Figure 4: A cup.\n\nFigure 4: A pot.", 3, Setting::Reader(None), Some(&All));
    assert_eq!(twice.matches("id=\"page-4-figure-4\"").count(), 1, "{twice}");
    assert!(definitions("Figure 4 shows a cup.\n\nTable 2 and more").is_empty());
}

#[test]
fn lines_of_a_contents_page_are_links() {
    let markdown = "**1 Cups** . . . 3\n\n1.1 *Small* cups 4\n\n| 2 | Pots | 7 |\n|---|---|---|\n| 2.1 | Old pots | 8 |\n\nNo entry";
    let expected =
        ["1 Cups . . . 3", "1.1 Small cups 4", "Pots", "Old pots"].map(|words| (words.to_owned(), "page-9".to_owned()));
    assert_eq!(links(markdown, 0), expected);
    assert!(links("1.1 Small cups 4", 1).is_empty());
}

proptest! {
    #[test]
    fn links_change_no_word(markdown in "(Figure |Section |Table |page |\\[|\\]|[0-9*_`#|\\n., \u{e4}:-]|\\n\\n){0,40}", page in 0u32..2) {
        let (with, without) = (html_of(&markdown, page, Setting::Reader(None), Some(&All)), html_of(&markdown, page, Setting::Reader(None), None));
        prop_assert_eq!(text(&with), text(&without));
        // Links do not nest, and each ends.
        let mut open = 0;
        for part in with.split('<') {
            open += i32::from(part.starts_with("a ")) - i32::from(part.starts_with("/a>"));
            prop_assert!((0..=1).contains(&open), "{}", with);
        }
    }
}
