//! Answers that begin with the text of the page and then repeat one unit.

/// The first third of the text, then a unit that repeats until the answer has `chars` characters. The text decides which unit it is.
pub(crate) fn looped(text: &str, chars: usize) -> String {
    let total = text.chars().count();
    let mut looped: String = text.chars().take((total / 3).min(chars)).collect();
    let unit = unit(text, total);
    let left = chars.saturating_sub(looped.chars().count());
    looped.extend(unit.chars().cycle().take(left));
    looped
}

/// A word, a line, a row of a table, the dots of a leader, or two lines in turn as in two columns. In a script without spaces: the last
/// characters.
fn unit(text: &str, total: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let word = words.get(words.len() / 3).copied().unwrap_or("the");
    if total > 40 && words.len() * 20 < total {
        return text.chars().skip(total - 2).collect();
    }
    let line = text.lines().find(|line| line.trim().len() > 10).unwrap_or(word);
    match total % 5 {
        0 => format!("{word} "),
        1 => format!("\n{line}"),
        2 => format!("\n| {word} | 0 |"),
        3 => " .".to_owned(),
        _ => format!("\n{line}\n{word}"),
    }
}
