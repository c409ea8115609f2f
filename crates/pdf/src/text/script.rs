//! Properties of writing systems that the layout needs.

/// Whether a character is Chinese or Japanese. These scripts have no spaces between words, so a line break is not a space.
pub(super) fn joins_without_space(char: char) -> bool {
    matches!(char,
        '\u{2e80}'..='\u{303f}' // radicals, ideographic punctuation
        | '\u{3040}'..='\u{312f}' // hiragana, katakana, bopomofo
        | '\u{31a0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe10}'..='\u{fe1f}' // signs of vertical text
        | '\u{fe30}'..='\u{fe4f}'
        | '\u{ff00}'..='\u{ff9f}' // full-width forms, without the Hangul ones, which use spaces
        | '\u{20000}'..='\u{3ffff}')
}

/// Whether most letters of the page are of a right-to-left script.
pub(super) fn is_right_to_left<'a>(lines: impl Iterator<Item = &'a str>) -> bool {
    let (mut to_left, mut letters) = (0_usize, 0_usize);
    for line in lines {
        // Most lines are ASCII, whose letters are quick to count.
        if line.is_ascii() {
            letters += line.bytes().filter(u8::is_ascii_alphabetic).count();
            continue;
        }
        for char in line.chars().filter(|char| char.is_alphabetic()) {
            letters += 1;
            to_left += usize::from(is_right_to_left_letter(char));
        }
    }
    to_left * 2 > letters
}

/// Hebrew, Arabic, Syriac, Thaana, N'Ko and their presentation forms.
pub(super) fn is_right_to_left_letter(char: char) -> bool {
    matches!(char, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}')
}

/// The sign for which a font has one of its own in vertical text.
pub(super) fn horizontal_form(char: char) -> char {
    const FROM: char = '\u{fe10}';
    const SIGNS: &str = "，、。：；！？〖〗…";
    const FROM_BRACKETS: char = '\u{fe30}';
    const BRACKETS: &str = "‥—–＿＿（）｛｝〔〕【】《》〈〉「」『』";
    let of = |from: char, signs: &str| signs.chars().nth((u32::from(char).checked_sub(u32::from(from))?) as usize);
    match char {
        FROM..='\u{fe19}' => of(FROM, SIGNS),
        FROM_BRACKETS..='\u{fe44}' => of(FROM_BRACKETS, BRACKETS),
        _ => None,
    }
    .unwrap_or(char)
}

/// The letters of a ligature. Some fonts map a ligature to its own code point.
pub(super) fn expand_ligature(char: char) -> Option<&'static str> {
    Some(match char {
        '\u{fb00}' => "ff",
        '\u{fb01}' => "fi",
        '\u{fb02}' => "fl",
        '\u{fb03}' => "ffi",
        '\u{fb04}' => "ffl",
        '\u{fb05}' | '\u{fb06}' => "st",
        _ => return None,
    })
}
