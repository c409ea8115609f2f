//! Compares the words of an answer with the words of the page's own text, as multisets: the order does not count.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

/// How the words of an answer and those of the page's own text agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WordCounts {
    /// The words of the page's own text.
    pub own: usize,
    /// The words of the answer.
    pub answered: usize,
    /// The words that both have, each as often as both have it.
    pub common: usize,
}

impl WordCounts {
    /// Counts the words of both texts.
    pub fn of(own: &str, answer: &str) -> Self {
        let (own, answer) = (words(own), words(answer));
        let mut left = HashMap::<&str, usize>::new();
        for word in &own {
            *left.entry(word).or_default() += 1;
        }
        let is_common = |word: &&String| match left.get_mut(word.as_str()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        };
        let common = answer.iter().filter(is_common).count();
        Self { own: own.len(), answered: answer.len(), common }
    }

    /// The share of the page's own words that the answer has, in percent; 100 if the page has none.
    pub const fn recall_percent(self) -> usize {
        percent(self.common, self.own)
    }

    /// The share of the answer's words that the page has, in percent; 100 if the answer has none.
    pub const fn precision_percent(self) -> usize {
        percent(self.common, self.answered)
    }
}

const fn percent(part: usize, whole: usize) -> usize {
    match (part * 100).checked_div(whole) {
        Some(percent) => percent,
        None => 100,
    }
}

/// The words of a text in compatibility form and lower case, without marks and punctuation. A character of a script without spaces is a
/// word. A word that a line end cuts is one word in both texts only if both join it, so a hyphen at a line end joins.
fn words(text: &str) -> Vec<String> {
    let joined = text.replace("-\n", "").replace('\u{ad}', "");
    let (mut words, mut word) = (Vec::new(), String::new());
    for c in joined.nfkc().flat_map(char::to_lowercase).chain([' ']) {
        if is_of_a_script_without_spaces(c) {
            words.extend([std::mem::take(&mut word), c.to_string()]);
        } else if c.is_alphanumeric() {
            word.push(c);
        } else {
            words.push(std::mem::take(&mut word));
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Han, kana, Thai, Lao, Khmer and Burmese.
const fn is_of_a_script_without_spaces(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_marks_case_order_and_cuts() {
        let counts = WordCounts::of("The ﬁrst obser-\nvation, twice twice.", "# observation **twice** | THE first");
        assert_eq!(counts, WordCounts { own: 5, answered: 4, common: 4 });
        assert_eq!((counts.recall_percent(), counts.precision_percent()), (80, 100));
    }

    #[test]
    fn characters_of_a_script_without_spaces_are_words() {
        let counts = WordCounts::of("第一章 緒論", "緒論");
        assert_eq!(counts, WordCounts { own: 5, answered: 2, common: 2 });
    }

    #[test]
    fn page_or_answer_without_words_has_full_shares() {
        assert_eq!(WordCounts::of("", "a").recall_percent(), 100);
        assert_eq!(WordCounts::of("a", "…").precision_percent(), 100);
        assert_eq!(WordCounts::of("a", "…").recall_percent(), 0);
    }
}
