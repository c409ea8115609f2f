//! Joins the lines of a paragraph.

use std::collections::BTreeSet;

use super::lines::Line;
use super::rich::Rich;
use super::script;

/// Joins lines. Hyphenated words are joined, and lines of Chinese or Japanese get no space between them. `compounds`: words of the document
/// that have a hyphen.
pub(super) fn join(lines: &[Line], compounds: &BTreeSet<String>) -> Rich {
    let mut text = Rich::default();
    let mut hyphenated = false;
    for line in lines {
        let (before, after) = (text.chars().next_back(), line.text.chars().next());
        if hyphenated {
            // The hyphen belongs to the word if a name or number follows: Rolls-Royce, COVID-19.
            if !after.is_some_and(char::is_lowercase) || is_compound(&text, &line.text, compounds) {
                text.push('-', text.last_look());
            }
        } else if !text.is_empty() && !needs_no_space(before, after) {
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

/// Whether the document has the word that ends one line and begins the next with a hyphen.
fn is_compound(text: &str, next: &str, compounds: &BTreeSet<String>) -> bool {
    let is_part = |char: char| char.is_alphabetic() || char == '-';
    let head = &text[text.trim_end_matches(is_part).len()..];
    let tail = &next[..next.len() - next.trim_start_matches(is_part).len()];
    compounds.contains(&format!("{head}-{}", tail.trim_end_matches('-')).to_lowercase())
}

fn needs_no_space(before: Option<char>, after: Option<char>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => {
            script::joins_without_space(before) && script::joins_without_space(after)
                || matches!(before, '-' | '‐' | '/') && after.is_lowercase()
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::paragraph;
    use super::*;

    fn joined(lines: &[Line], compounds: &[&str]) -> String {
        join(lines, &compounds.iter().map(|word| (*word).to_owned()).collect()).to_string()
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
            assert_eq!(joined(&paragraph(lines), &[]), expected);
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
            assert_eq!(joined(&lines, &["well-known"]), expected);
        }
        let mut last = paragraph(&["cut by the end of the pa"]);
        last[0].hyphenated = true;
        assert_eq!(joined(&last, &[]), "cut by the end of the pa-");
    }
}
