//! Puts the figures that a prompt asks for into a page's text.

use std::mem;

/// How captions begin, before their number.
const NAMES: [&str; 5] = ["Figure", "Fig.", "Abbildung", "Abb.", "Figura"];

/// The text with each placeholder of the prompt, in order: with its caption between the brackets if there is one for each; above the first
/// caption, on lines of their own, if there are too few; behind the first paragraph if there is none.
///
/// A prompt says `Figures on this page: 2` and shows what stands for a figure, as `[[figure 1]]` or `![…](figure:1)`; if it says no
/// number, each placeholder it shows is meant.
pub(crate) fn place(text: &str, prompt: &str) -> String {
    let announced = announced(prompt);
    let placeholders: Vec<&str> = placeholders(prompt).into_iter().take(announced.unwrap_or(usize::MAX)).collect();
    if placeholders.is_empty() {
        return text.to_owned();
    }
    let mut blocks: Vec<String> = Vec::new();
    let text = text.trim().split("\n\n");
    let captions = text.clone().filter(|block| is_caption(block)).count();
    // More figures than captions: they are taken for parts of the first.
    let mut first_more = placeholders.len().saturating_sub(captions);
    let mut unplaced = placeholders.into_iter();
    for block in text.filter(|block| !block.is_empty()) {
        let more = if is_caption(block) { 1 + mem::take(&mut first_more) } else { 0 };
        let figures: Vec<&str> = unplaced.by_ref().take(more).collect();
        if let [figure] = figures[..]
            && let Some(figure) = captioned(figure, block)
        {
            blocks.push(figure);
        } else {
            blocks.extend(figures.into_iter().chain([block]).map(str::to_owned));
        }
    }
    let behind_first = blocks.len().min(1);
    blocks.splice(behind_first..behind_first, unplaced.map(str::to_owned));
    blocks.join("\n\n")
}

/// `Figure 3: …`, `**Fig. 2.** …`, `Abbildung 4.4: …`
fn is_caption(block: &str) -> bool {
    let mut words = block.trim_start_matches('*').split_whitespace();
    let (Some(name), Some(number)) = (words.next(), words.next()) else { return false };
    let number = number.trim_end_matches('*');
    let is_name = NAMES.iter().any(|known| name.eq_ignore_ascii_case(known));
    is_name && number.ends_with([':', '.']) && number.contains(|letter: char| letter.is_ascii_digit())
}

/// A figure with its caption between the brackets; `None` if its placeholder has none, or the caption must not stand there.
fn captioned(placeholder: &str, caption: &str) -> Option<String> {
    let behind = placeholder.strip_prefix("![]")?;
    (!caption.contains(['[', ']', '\n'])).then(|| format!("![{caption}]{behind}"))
}

fn announced(prompt: &str) -> Option<usize> {
    let (_, behind) = prompt.split_once("Figures on this page:")?;
    let digits: String = behind.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The different placeholders of a prompt, in the order in which it names them.
fn placeholders(prompt: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (start, _) in prompt.match_indices(['[', '!']) {
        let rest = &prompt[start..];
        if let Some(placeholder) = bracketed(rest).or_else(|| image(rest))
            && !found.contains(&placeholder)
        {
            found.push(placeholder);
        }
    }
    found
}

/// `[[figure 1]]`
fn bracketed(text: &str) -> Option<&str> {
    let behind = text.strip_prefix("[[figure ")?;
    let (number, _) = behind.split_once("]]")?;
    is_number(number).then(|| &text[.."[[figure ]]".len() + number.len()])
}

/// `![…](figure:1)`
fn image(text: &str) -> Option<&str> {
    let (caption, behind) = text.strip_prefix("![")?.split_once("](figure:")?;
    let (number, _) = behind.split_once(')')?;
    let plain = is_number(number) && !caption.contains(['\n', ']']);
    plain.then(|| &text[.."![](figure:)".len() + caption.len() + number.len()])
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit())
}
