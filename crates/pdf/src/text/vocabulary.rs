//! The words of a document, which tell whether a hyphen at the end of a line belongs to its word.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Words that are kept.
const WORDS_MAX: usize = 20_000;
/// Words with hyphens that are kept.
const COMPOUNDS_MAX: usize = 4_000;
/// Longer words are not words.
const WORD_BYTES_MAX: usize = 60;
/// The least letters of both parts of a compound that the document has only apart. Shorter words are often parts of words.
const PARTS_MIN: (usize, usize) = (3, 4);

/// Words in small letters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Vocabulary {
    words: BTreeSet<String>,
    /// Words with a hyphen within.
    compounds: BTreeSet<String>,
}

impl Vocabulary {
    /// Adds the words of a line. The first and last can be parts of words.
    pub(super) fn add(&mut self, line: &str) {
        for word in line.split_whitespace().map(|word| word.trim_matches(|char: char| !char.is_alphanumeric())) {
            let is_word = |part: &str| !part.is_empty() && part.chars().all(char::is_alphabetic);
            if word.len() > WORD_BYTES_MAX || !word.split('-').all(is_word) {
                continue;
            }
            let is_compound = word.contains('-');
            let (list, most) =
                if is_compound { (&mut self.compounds, COMPOUNDS_MAX) } else { (&mut self.words, WORDS_MAX) };
            if list.len() < most && (is_compound || word.len() >= PARTS_MIN.0) {
                list.insert(word.to_lowercase());
            }
        }
    }

    /// Whether the hyphen between the end of one line and the start of the next belongs to the word.
    pub(super) fn keeps_hyphen(&self, before: &str, after: &str) -> bool {
        let is_part = |char: char| char.is_alphabetic() || char == '-';
        let head = &before[before.trim_end_matches(is_part).len()..];
        let tail = &after[..after.len() - after.trim_start_matches(is_part).len()];
        let (last, first) = (head.rsplit('-').next().unwrap_or(head), tail.split('-').next().unwrap_or(tail));
        let is_capital = |part: &str| part.chars().count() >= 2 && part.chars().all(char::is_uppercase);
        let known = |word: String| self.words.contains(&word.to_lowercase());
        if self.compounds.contains(&format!("{head}-{tail}").to_lowercase()) {
            return true;
        }
        if is_capital(last) && is_capital(first) {
            return false;
        }
        // A name or a number follows: Rolls-Royce, COVID-19.
        if !after.starts_with(char::is_lowercase) {
            return true;
        }
        let are_long = last.chars().count() >= PARTS_MIN.0 && first.chars().count() >= PARTS_MIN.1;
        are_long && !known(format!("{last}{first}")) && known(last.to_owned()) && known(first.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyphen_is_kept_as_far_as_the_document_tells() {
        let mut words = Vocabulary::default();
        words.add("A well-known word, and the students put some input there; known words are written by hand.");
        let cases = [
            ("stu", "dents", false),
            ("a well", "known", true),
            ("in", "put", false),
            ("hand", "written", true),
            ("Rolls", "Royce", true),
            ("COVID", "19", true),
            ("EXPAN", "SION", false),
            ("some", "thing", false),
        ];
        for (before, after, kept) in cases {
            assert_eq!(words.keeps_hyphen(before, after), kept, "{before}-{after}");
        }
    }
}
