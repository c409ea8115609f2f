//! Titles as they can be compared: without case, marks and number. Their numbers say how deep they stand.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

/// Two titles are alike if they share this part of their pairs of letters, in percent.
const ALIKE_MIN_PERCENT: usize = 80;

/// The number at the beginning of a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// 0: a part. 1: a chapter or an appendix. 2: its sections.
    pub(super) depth: u8,
    /// Its parts as they are printed: `["1", "3"]`.
    pub(super) parts: Vec<String>,
    /// The title names what it counts, such as `Chapter 3`.
    pub(super) is_named: bool,
}

impl Number {
    /// Whether a section with this number comes directly after one with `before`: 1.3 after 1.2.5, or 1.2.1 after 1.2.
    pub(super) fn follows(&self, before: &Self) -> bool {
        let value = |part: &String| part.parse::<u32>().ok().or_else(|| letter(part));
        let (Some((last, head)), length) = (self.parts.split_last(), self.parts.len()) else { return false };
        if length > before.parts.len() {
            return length == before.parts.len() + 1 && *head == before.parts && value(last) == Some(1);
        }
        let is_next = value(last).is_some() && value(last) == value(&before.parts[length - 1]).map(|value| value + 1);
        is_next && *head == before.parts[..length - 1]
    }
}

fn letter(part: &str) -> Option<u32> {
    let mut chars = part.chars();
    let first = chars.next().filter(|_| chars.next().is_none()).filter(char::is_ascii_uppercase)?;
    Some(u32::from(first) - u32::from('A') + 1)
}

/// What a title is called by: its number, and its words without it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Title {
    pub(super) number: Option<Number>,
    /// The letters and digits after the number, in compatibility form and lower case.
    pub(super) words: String,
    /// The same with the number.
    pub(super) whole: String,
}

impl Title {
    pub(super) fn of(text: &str) -> Self {
        let (number, rest) = numbered(text.trim());
        Self { number, words: folded(rest), whole: folded(text) }
    }

    /// Whether the title says only what is counted, such as `Chapter 3`. Its words stand in the next line.
    pub(super) fn is_label(&self) -> bool {
        self.words.is_empty() && self.number.as_ref().is_some_and(|number| number.is_named)
    }

    /// Whether the title is only the word for what is counted, such as `Chapter`. Its number stands in the next line.
    pub(super) fn is_counting_word(&self) -> bool {
        [&PARTS[..], &CHAPTERS, &SECTIONS].iter().any(|words| words.contains(&self.whole.as_str()))
    }

    /// How well two titles agree: 0 not at all, 3 in every letter.
    pub(super) fn agreement(&self, other: &Self) -> u8 {
        if self.whole.is_empty() || other.whole.is_empty() {
            return 0;
        }
        if self.whole == other.whole {
            return 3;
        }
        if let (Some(one), Some(two)) = (&self.number, &other.number)
            && one.parts != two.parts
        {
            return 0;
        }
        if !self.words.is_empty() && self.words == other.words {
            return 2;
        }
        u8::from(are_alike(&self.words, &other.words))
    }
}

/// The letters and digits of a text in compatibility form and lower case.
pub(super) fn folded(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

/// Whether two folded texts differ only a little, as after a misread letter or a lost formula.
fn are_alike(one: &str, two: &str) -> bool {
    let (count_one, count_two) = (one.chars().count(), two.chars().count());
    let (short, long) = (count_one.min(count_two), count_one.max(count_two));
    if short < 6 || short * 100 < long * 60 {
        return false;
    }
    let pairs = |text: &str| {
        let chars: Vec<char> = text.chars().collect();
        chars.windows(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>()
    };
    let mut left = HashMap::<_, usize>::new();
    pairs(one).into_iter().for_each(|pair| *left.entry(pair).or_default() += 1);
    let common = pairs(two)
        .into_iter()
        .filter(|pair| left.get_mut(pair).filter(|count| **count > 0).map(|count| *count -= 1).is_some());
    200 * common.count() >= ALIKE_MIN_PERCENT * (count_one + count_two - 2)
}

/// Words before the number of a chapter, in several languages.
const PARTS: [&str; 6] = ["part", "teil", "partie", "parte", "deel", "book"];
const CHAPTERS: [&str; 9] =
    ["chapter", "kapitel", "chapitre", "capítulo", "capitolo", "hoofdstuk", "appendix", "anhang", "annexe"];
const SECTIONS: [&str; 3] = ["section", "abschnitt", "§"];

/// The number of a title, and the rest.
fn numbered(text: &str) -> (Option<Number>, &str) {
    if let Some(found) = counted(text).or_else(|| counted_in_chinese(text)) {
        return found;
    }
    let (word, rest) = first_word(text);
    let (word, rest) = touched(text).unwrap_or((word, rest));
    let plain = word.trim_end_matches(['.', ')', ':']);
    let parts: Vec<&str> = plain.split('.').collect();
    let is_digits = |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    let first_is_letter = parts.len() > 1 && letter(parts[0]).is_some();
    let tail_is_digits = parts[1..].iter().all(is_digits);
    if !tail_is_digits || !(is_digits(&parts[0]) || first_is_letter) || rest.is_empty() {
        return (None, text);
    }
    let depth = u8::try_from(parts.len()).unwrap_or(u8::MAX);
    (Some(Number { depth, parts: parts.into_iter().map(str::to_owned).collect(), is_named: false }), rest)
}

/// A number of several parts that touches its title: `43.10Textures`.
fn touched(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at(end);
    let is_title = rest.starts_with(char::is_uppercase) && number.trim_end_matches('.').contains('.');
    is_title.then_some((number, rest))
}

/// `Chapter 3: Words`, `Part II`, `Appendix B`.
fn counted(text: &str) -> Option<(Option<Number>, &str)> {
    let (word, rest) = first_word(text);
    let word = word.to_lowercase();
    let is_one_of = |words: &[&str]| words.contains(&word.as_str());
    let (number, rest) = first_word(rest);
    let number = number.trim_end_matches(['.', ':', ')', '—', '–', '-']);
    let parts: Vec<String> = number.split('.').map(|part| arabic(part).unwrap_or_default()).collect();
    if parts.iter().any(String::is_empty) {
        return None;
    }
    let depth = match parts.len() {
        1 if is_one_of(&PARTS) => 0,
        1 if is_one_of(&CHAPTERS) => 1,
        length if is_one_of(&SECTIONS) || is_one_of(&CHAPTERS) => u8::try_from(length).ok()?,
        _ => return None,
    };
    let rest = rest.trim_start_matches(['.', ':', '—', '–', '-']).trim_start();
    Some((Some(Number { depth, parts, is_named: true }), rest))
}

/// 第三章, 第2部, 附录 A.
fn counted_in_chinese(text: &str) -> Option<(Option<Number>, &str)> {
    let found = |depth, part: &str, rest| {
        (Some(Number { depth, parts: vec![part.to_owned()], is_named: true }), str::trim_start(rest))
    };
    if let Some(rest) = ["附录", "附錄", "付録"].iter().find_map(|word| text.strip_prefix(word)) {
        let (number, behind) = first_word(rest.trim_start());
        return letter(number).map(|_| found(1, number, behind));
    }
    let rest = text.strip_prefix('第')?;
    let (at, kind) =
        rest.char_indices().take(6).find(|(_, c)| matches!(c, '章' | '部' | '编' | '編' | '篇' | '节' | '節'))?;
    let depth = match kind {
        '章' => 1,
        '节' | '節' => 2,
        _ => 0,
    };
    let number = chinese(rest[..at].trim())?;
    Some(found(depth, &number.to_string(), &rest[at + kind.len_utf8()..]))
}

fn chinese(number: &str) -> Option<u32> {
    if let Ok(value) = number.parse() {
        return Some(value);
    }
    let digit = |c: char| "一二三四五六七八九".chars().position(|other| other == c).map(|at| at as u32 + 1);
    let (mut value, mut open) = (0, None);
    for c in number.chars() {
        match c {
            '十' => value += open.take().unwrap_or(1) * 10,
            '百' => value += open.take().unwrap_or(1) * 100,
            c => open = Some(digit(c)?),
        }
    }
    Some(value + open.unwrap_or(0)).filter(|value| *value > 0)
}

/// The number of a chapter in digits; a letter stays.
fn arabic(part: &str) -> Option<String> {
    if !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(part.to_owned());
    }
    const WORDS: [&str; 12] =
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    if let Some(at) = WORDS.iter().position(|word| part.eq_ignore_ascii_case(word)) {
        return Some((at + 1).to_string());
    }
    // A single letter other than I, V and X counts appendices.
    let roman = roman(&part.to_lowercase()).filter(|_| part.len() > 1 || matches!(part, "I" | "V" | "X"));
    roman.map(|value| value.to_string()).or_else(|| letter(part).map(|_| part.to_owned()))
}

/// The value of a roman number in lower case, from 1 to 399.
pub(super) fn roman(text: &str) -> Option<u32> {
    let value = |c| match c {
        'i' => Some(1),
        'v' => Some(5),
        'x' => Some(10),
        'l' => Some(50),
        'c' => Some(100),
        _ => None,
    };
    let values = text.chars().map(value).collect::<Option<Vec<u32>>>()?;
    let next = values.iter().skip(1).chain([&0]);
    let (plus, minus) =
        values.iter().zip(next).fold(
            (0, 0),
            |(plus, minus), (value, next)| {
                if value < next { (plus, minus + value) } else { (plus + value, minus) }
            },
        );
    let found = u32::checked_sub(plus, minus).filter(|value| (1..400).contains(value))?;
    (as_roman(found) == text).then_some(found)
}

/// A number from 1 to 399 in roman letters.
pub(super) fn as_roman(mut number: u32) -> String {
    const STEPS: [(u32, &str); 9] =
        [(100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")];
    let mut text = String::new();
    for (value, letters) in STEPS {
        while number >= value {
            number -= value;
            text.push_str(letters);
        }
    }
    text
}

fn first_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<(u8, String)> {
        Title::of(text).number.map(|number| (number.depth, number.parts.join(".")))
    }

    #[test]
    fn numbers_of_titles_say_how_deep_they_stand() {
        for (text, depth, parts) in [
            ("1 Introduction", 1, "1"),
            ("1.2.3. Extended font sizes", 3, "1.2.3"),
            ("A.1 Words", 2, "A.1"),
            ("Part II", 0, "2"),
            ("Chapter 3: Words", 1, "3"),
            ("CHAPTER TWO", 1, "2"),
            ("Appendix B. Words", 1, "B"),
            ("Kapitel 4 Wörter", 1, "4"),
            ("第十二章 緒論", 1, "12"),
            ("附录 A 安装", 1, "A"),
        ] {
            assert_eq!(number(text), Some((depth, parts.to_owned())), "{text}");
        }
        for text in ["A book", "2024", "Part of it", "1.2", "v1.2 is new", "", "Chapter"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert!(Title::of("Chapter 3").is_label() && !Title::of("Chapter 3: On").is_label());
    }

    #[test]
    fn titles_agree_without_number_case_and_marks() {
        let agreement = |one: &str, two: &str| Title::of(one).agreement(&Title::of(two));
        assert_eq!(agreement("1.3 PRINTING OPTIONS", "1.3 Printing options"), 3);
        assert_eq!(agreement("Printing options", "1.3 Printing *options*"), 2);
        assert_eq!(agreement("1.3 Printing options", "1.4 Printing options"), 0);
        assert_eq!(agreement("The LATEX companion", "The LaTeX2 companion"), 1);
        assert_eq!(agreement("Scope", "Score"), 0);
    }

    #[test]
    fn number_follows_the_one_before_it() {
        let follows = |text: &str, before: &str| {
            let (Some(one), Some(two)) = (Title::of(text).number, Title::of(before).number) else { return false };
            one.follows(&two)
        };
        assert!(follows("1.3 a", "1.2 a") && follows("1.3 a", "1.2.7 a") && follows("1.2.1 a", "1.2 a"));
        assert!(follows("B.1 a", "Appendix B") && follows("Appendix B", "A.1 a"));
        assert!(!follows("1.4 a", "1.2 a") && !follows("2.1 a", "1.1 a") && !follows("1.2.2 a", "1.2 a"));
    }

    #[test]
    fn roman_numbers_are_read_as_they_are_written() {
        for number in 1..400 {
            assert_eq!(roman(&as_roman(number)), Some(number));
        }
        assert_eq!([roman("iiii"), roman("ic"), roman("mix"), roman("")], [None; 4]);
    }
}
