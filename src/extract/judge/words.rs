//! Compares the words of an answer with the words of the page's own text. [`WordCounts`] judges whether the page was read at all, as
//! multisets: the order does not count. [`check`] says whether a person should look at the page: words, numbers and order.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use crate::model::wire::PageCheck;

/// A page is worth checking below this share of its own words, in percent.
const RECALL_MIN_PERCENT: usize = 80;
/// The same for a page with figures: an answer leaves out the words inside them.
const RECALL_WITH_FIGURES_MIN_PERCENT: usize = 60;
/// A page is worth checking below this share of words that are its own, in percent.
const PRECISION_MIN_PERCENT: usize = 75;
/// So many numbers that only one of the texts has may be the page's, those of notes, or a misread sign.
const NUMBERS_MAX: usize = 7;
/// A page is worth checking if this share of its numbers differs, in percent.
const NUMBERS_MAX_PERCENT: usize = 15;
/// A page is worth checking below this share of words in the same order, in percent. Columns and notes may be read in another order.
const ORDER_MIN_PERCENT: usize = 50;
/// Fewer words that both texts have once say nothing of their order.
const ORDERED_MIN: usize = 20;
/// A page with fewer words of its own is a scan with a stamp, or a title: there is nothing to compare with.
pub(super) const WORDS_MIN: usize = 30;

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

/// Compares the text that was read with the page's own. `None`: the page has too few words of its own.
pub fn check(own: &str, read: &str, figures: usize) -> Option<PageCheck> {
    let counts = WordCounts::of(own, read);
    if counts.own < WORDS_MIN {
        return None;
    }
    let (own, read) = (words(own), words(read));
    let numbers = |words: &[String]| words.iter().filter(|word| is_number(word)).cloned().collect::<Vec<_>>().join(" ");
    let numbers = WordCounts::of(&numbers(&own), &numbers(&read));
    let numbers_differ = numbers.own + numbers.answered - 2 * numbers.common;
    let order = order_percent(&own, &read);
    let recall_min = if figures == 0 { RECALL_MIN_PERCENT } else { RECALL_WITH_FIGURES_MIN_PERCENT };
    let is_worth_checking = counts.recall_percent() < recall_min
        || counts.precision_percent() < PRECISION_MIN_PERCENT
        || figures == 0 && numbers_differ > NUMBERS_MAX && percent(numbers_differ, numbers.own) > NUMBERS_MAX_PERCENT
        || order.is_some_and(|order| order < ORDER_MIN_PERCENT);
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Some(PageCheck {
        own_words: count(counts.own),
        missing: count(counts.own - counts.common),
        added: count(counts.answered - counts.common),
        numbers_differ: count(numbers_differ),
        order_percent: order.map_or(100, count),
        is_worth_checking,
    })
}

fn is_number(word: &str) -> bool {
    word.chars().all(char::is_numeric)
}

/// The share of words in the same order in both texts, in percent, among those that each has once. `None`: there are too few.
fn order_percent(own: &[String], read: &[String]) -> Option<usize> {
    let once = |words: &[String]| {
        let mut places = HashMap::<String, Option<usize>>::new();
        for (at, word) in words.iter().enumerate() {
            places.entry(word.clone()).and_modify(|place| *place = None).or_insert(Some(at));
        }
        places
    };
    let (ours, theirs) = (once(own), once(read));
    let place = |word: &String| ours.get(word).copied().flatten().and(theirs.get(word).copied().flatten());
    let places: Vec<usize> = own.iter().filter_map(place).collect();
    // The longest increasing subsequence, by its smallest ends.
    let mut ends: Vec<usize> = Vec::new();
    for place in &places {
        match ends.partition_point(|end| end < place) {
            at if at == ends.len() => ends.push(*place),
            at => ends[at] = *place,
        }
    }
    (places.len() >= ORDERED_MIN).then(|| percent(ends.len(), places.len()))
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
    fn page_read_well_is_not_worth_checking() {
        let own: String = (0..200).map(|number| format!("word{} and 1{number} ", number % 90)).collect();
        let found = check(&own, &format!("# {own}\n\n12"), 0).unwrap_or_default();
        assert_eq!((found.own_words, found.missing, found.added, found.order_percent), (600, 0, 1, 100));
        assert!(!found.is_worth_checking);
        assert_eq!(check("Too few words of its own.", "", 0), None);
    }

    #[test]
    fn lost_words_changed_numbers_and_mixed_order_are_worth_checking() {
        let words: Vec<String> =
            (0..100).map(|number| format!("{number}00 {}", "abcdefghij".repeat(number / 10 + 1))).collect();
        let own = words.join(" ");
        let is_worth = |read: &str, figures| check(&own, read, figures).is_some_and(|found| found.is_worth_checking);
        assert!(!is_worth(&own, 0));
        assert!(is_worth(&words[..75].join(" "), 0) && !is_worth(&words[..75].join(" "), 1));
        assert!(is_worth(&(own.clone() + &" invented".repeat(80)), 0));
        assert!(is_worth(&own.replace("00 ", "01 "), 0));
        let mixed: Vec<&str> = words.iter().rev().map(String::as_str).collect();
        let mixed = check(&own, &mixed.join(" "), 0).unwrap_or_default();
        assert!(mixed.is_worth_checking && mixed.missing == 0 && mixed.order_percent < 10, "{mixed:?}");
    }

    #[test]
    fn page_or_answer_without_words_has_full_shares() {
        assert_eq!(WordCounts::of("", "a").recall_percent(), 100);
        assert_eq!(WordCounts::of("a", "…").precision_percent(), 100);
        assert_eq!(WordCounts::of("a", "…").recall_percent(), 0);
    }
}
