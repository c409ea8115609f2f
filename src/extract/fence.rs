//! Code fences in an answer: the text outside of them, a fence that is not closed, and a fence around the whole answer.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

use crate::markdown::OPTIONS;

/// Removes a Markdown fence around the whole answer, which models sometimes add. If the answer `is_cut`, the fence may lack its end.
///
/// The fence is kept if, without it, an open fence without a language would remain. That one then closes the first fence: the page itself
/// begins with an example of Markdown.
pub(crate) fn unwrapped(answer: &str, is_cut: bool) -> &str {
    let answer = answer.trim();
    let (first, body) = answer.split_once('\n').unwrap_or((answer, ""));
    let Fence { marks, language } = Fence::of(first);
    let is_wrapper = ["```", "~~~"].iter().any(|fence| marks.starts_with(fence))
        && ["markdown", "md"].iter().any(|name| language.eq_ignore_ascii_case(name));
    if !is_wrapper {
        return answer;
    }
    let closed = body.strip_suffix(marks).filter(|text| left_open(text).is_none());
    let cut = Some(body).filter(|text| is_cut && left_open(text).is_none_or(|fence| !fence.language.is_empty()));
    closed.or(cut).map_or(answer, str::trim)
}

/// The line that closes the open fence of a text, if there is one.
pub(crate) fn missing_end(markdown: &str) -> Option<&str> {
    left_open(markdown).map(|fence| fence.marks)
}

/// The ranges of a text outside of fenced code.
pub(crate) fn prose(markdown: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut parts = Vec::new();
    for code in fenced(markdown) {
        parts.push(start..code.start);
        start = code.end;
    }
    parts.push(start..markdown.len());
    parts
}

/// The opening line of fenced code.
struct Fence<'a> {
    marks: &'a str,
    language: &'a str,
}

impl<'a> Fence<'a> {
    fn of(line: &'a str) -> Self {
        let language = line.chars().next().map_or(line, |mark| line.trim_start_matches(mark));
        Self { marks: &line[..line.len() - language.len()], language: language.trim() }
    }
}

/// The fence that is open at the end of a text. A fence in a list or a quotation ends with it.
fn left_open(markdown: &str) -> Option<Fence<'_>> {
    let longer = format!("{markdown}\nx");
    let open = fenced(&longer).find(|code| code.end == longer.len())?;
    markdown[open.start..].lines().next().map(Fence::of)
}

fn fenced(markdown: &str) -> impl Iterator<Item = Range<usize>> {
    let events = Parser::new_ext(markdown, OPTIONS).into_offset_iter();
    events.filter_map(|(event, place)| {
        matches!(event, Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_)))).then_some(place)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::TagEnd;

    use super::*;

    /// The text of a page outside of code blocks.
    fn read(markdown: &str) -> String {
        let mut is_code = false;
        let mut text = String::new();
        for event in Parser::new_ext(markdown, OPTIONS) {
            match event {
                Event::Start(Tag::CodeBlock(_)) => is_code = true,
                Event::End(TagEnd::CodeBlock) => is_code = false,
                Event::Text(words) if !is_code => text.push_str(&words),
                _ => {}
            }
        }
        text
    }

    #[test]
    fn fence_around_answer_is_removed() {
        for (answer, page) in [
            ("```markdown\n# A\n```", "# A"),
            ("```md\n# A\n```\n", "# A"),
            ("```Markdown\n```", ""),
            ("~~~markdown\n# A\n~~~", "# A"),
            ("````markdown\n```\na\n```\n````", "```\na\n```"),
            ("```markdown\n# A\n\n```rust\nfn a() {}\n```\n\nB\n```", "# A\n\n```rust\nfn a() {}\n```\n\nB"),
            ("```markdown\n# A\n\n```\na\n```\n\nB\n```", "# A\n\n```\na\n```\n\nB"),
            ("```markdown\n```rust\nfn a() {}\n```\n```", "```rust\nfn a() {}\n```"),
            ("```markdown\n- A\n\n  ````\n  ```\n  ````\n```", "- A\n\n  ````\n  ```\n  ````"),
        ] {
            for is_cut in [false, true] {
                assert_eq!(unwrapped(answer, is_cut), page, "{answer}");
            }
        }
    }

    #[test]
    fn fence_of_the_page_is_kept() {
        for answer in [
            "```rust\nfn a() {}\n```",
            "```mdx\n# A\n```",
            "`md`\n`",
            "```markdown\n# A\n```\nb\n```",
            "```markdown\n# A\n```\nb\n\n```rust\nfn a() {}\n```",
        ] {
            assert_eq!(unwrapped(answer, false), answer);
        }
        let example = "```markdown\n# A\n```\n\nThis is how a heading is";
        assert_eq!(unwrapped(example, true), example);
    }

    #[test]
    fn fence_around_cut_answer_is_removed() {
        for page in
            ["", "# A", "# A\n\n```rust\nfn a() {}\n```\n\nB", "# A\n\n```rust\nfn a() {}\n```", "# A\n\n~~~c\nint"]
        {
            let answer = format!("```markdown\n{page}");
            assert_eq!(unwrapped(&answer, true), page);
            assert_eq!(unwrapped(&answer, false), answer.trim());
        }
    }

    #[test]
    fn missing_end_repeats_marks_of_open_fence() {
        for (text, end) in [
            ("```rust\nfn a() {", Some("```")),
            ("A\n~~~~\n~~~\n```", Some("~~~~")),
            ("````\n```", Some("````")),
            ("```", Some("```")),
            ("``` \n\n", Some("```")),
            ("```\na\n```", None),
            ("```\na\n````\n", None),
            ("- a\n  ```\n  b", None),
            ("> ```\n> a", None),
            ("    ```", None),
            ("A ``` b", None),
            ("$$\nx", None),
            ("", None),
        ] {
            assert_eq!(missing_end(text), end, "{text}");
        }
    }

    /// Pages made of fences and the marks that interact with them.
    fn pages() -> impl Strategy<Value = String> {
        let piece = proptest::sample::select(vec![
            "```", "````", "~~~", "~~~~", "rust", "\n", "\n", "\n\n", "a", " ", "    ", "- ", "> ", "1. ", "$$", "`",
            "[^1]: ",
        ]);
        proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
    }

    fn closed(page: &str) -> String {
        missing_end(page).map_or(page.to_owned(), |end| format!("{page}\n{end}"))
    }

    proptest! {
        #[test]
        fn text_after_a_closed_page_is_not_code(page in pages()) {
            let page = closed(&page);
            prop_assert!(missing_end(&page).is_none(), "{page}");
            prop_assert!(read(&format!("{page}\n\nNEXT")).ends_with("NEXT"), "{page}");
        }

        #[test]
        fn page_with_closed_fences_is_unwrapped_unchanged(page in pages(), is_cut in any::<bool>()) {
            let page = closed(&page);
            let answer = format!("```markdown\n{page}\n```");
            prop_assert_eq!(unwrapped(&answer, is_cut), page.trim());
        }

        #[test]
        fn prose_is_everything_outside_fenced_code(page in pages()) {
            let parts = prose(&page);
            prop_assert_eq!((parts[0].start, parts[parts.len() - 1].end), (0, page.len()));
            for pair in parts.windows(2) {
                let code = &page[pair[0].end..pair[1].start];
                prop_assert!(code.starts_with("```") || code.starts_with("~~~"), "{}", code);
            }
        }
    }
}
