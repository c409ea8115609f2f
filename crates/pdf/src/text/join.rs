//! Joins the lines of a paragraph.

use super::lines::Line;
use super::rich::{Look, Rich};
use super::script;
use super::vocabulary::Vocabulary;

/// Joins lines. Hyphenated words are joined, and lines of Chinese or Japanese get no space between them.
pub(super) fn join(lines: &[Line], words: &Vocabulary) -> Rich {
    let mut text = Rich::default();
    let mut hyphenated = false;
    for line in lines {
        if hyphenated {
            if words.keeps_hyphen(&text, &line.text) {
                text.push('-', text.last_look());
            }
        } else if !text.is_empty() && !needs_no_space(&text, &line.text) {
            text.push_space();
        }
        text.append(&line.text);
        hyphenated = line.hyphenated;
    }
    if hyphenated {
        text.push('-', text.last_look());
    }
    text
}

fn needs_no_space(before: &Rich, after: &Rich) -> bool {
    let (Some(last), Some(first)) = (before.chars().next_back(), after.chars().next()) else { return false };
    script::joins_without_space(last) && script::joins_without_space(first)
        || matches!(last, '-' | '‐' | '/') && first.is_lowercase()
        || goes_on(before, after, last)
}

/// Whether an address or a name of code goes on in the next line.
fn goes_on(before: &Rich, after: &Rich, last: char) -> bool {
    let (look, next) = (before.last_look(), after.runs().next().map_or_else(Look::default, |(_, look)| look));
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    let is_address = word.contains("://") && look.link == next.link && !(word.ends_with(')') && look.link.is_none());
    let is_name = look.mono && next.mono && matches!(last, '.' | '/' | '_' | ':' | '=') && word.chars().count() > 1;
    is_address && (look.link.is_some() || matches!(last, '/' | '.' | '-' | '_' | '=' | '&' | '?')) || is_name
}

#[cfg(test)]
mod tests {
    use super::super::testing::paragraph;
    use super::*;

    fn joined(lines: &[Line]) -> String {
        let mut words = Vocabulary::default();
        words.add("and well-known ones");
        join(lines, &words).to_string()
    }

    #[test]
    fn lines_are_joined_according_to_their_script() {
        let cases: [(&[&str], &str); 5] = [
            (&["one", "two"], "one two"),
            (&["漢字の", "文章"], "漢字の文章"),
            (&["漢字", "kanji"], "漢字 kanji"),
            (&["한국어", "문장"], "한국어 문장"),
            (&["well-", "known"], "well-known"),
        ];
        for (lines, expected) in cases {
            assert_eq!(joined(&paragraph(lines)), expected);
        }
    }

    #[test]
    fn hyphenated_word_is_joined() {
        let cases = [
            ("stu", "dents", "students"),
            ("Rolls", "Royce", "Rolls-Royce"),
            ("COVID", "19", "COVID-19"),
            ("a well", "known one", "a well-known one"),
        ];
        for (first, second, expected) in cases {
            let mut lines = paragraph(&[first, second]);
            lines[0].hyphenated = true;
            assert_eq!(joined(&lines), expected);
        }
        let mut last = paragraph(&["cut by the end of the pa"]);
        last[0].hyphenated = true;
        assert_eq!(joined(&last), "cut by the end of the pa-");
    }

    #[test]
    fn address_goes_on_without_a_space() {
        let link = |text: &str| {
            let mut rich = Rich::default();
            rich.push_str(text, Look { link: Some(0), ..Look::default() });
            rich
        };
        let mut lines = paragraph(&["x", "y"]);
        (lines[0].text, lines[1].text) = (link("https://www."), link("example.org"));
        assert_eq!(joined(&lines), "https://www.example.org");
        assert_eq!(joined(&paragraph(&["see https://example.org/", "there"])), "see https://example.org/there");
        assert_eq!(joined(&paragraph(&["see https://example.org", "there"])), "see https://example.org there");
    }
}
