//! Places the figures that a prompt announces in the text of a page.

use std::mem;

/// The words before the number of a caption.
const NAMES: [&str; 5] = ["Figure", "Fig.", "Abbildung", "Abb.", "Figura"];

/// Places each placeholder of the prompt in the text, in order.
///
/// - With a caption for each: the caption goes between the brackets of the placeholder.
/// - With fewer captions: the surplus placeholders stand above the first caption, on lines of their own.
/// - Without a caption: the placeholders follow the first paragraph.
///
/// A prompt says `Figures on this page: 2` and shows placeholders as `[[figure 1]]` or `![…](figure:1)`. Without a number, all shown
/// placeholders are placed.
pub(crate) fn place(text: &str, prompt: &str) -> String {
    let announced = announced(prompt);
    let placeholders: Vec<&str> = placeholders(prompt).into_iter().take(announced.unwrap_or(usize::MAX)).collect();
    if placeholders.is_empty() {
        return text.to_owned();
    }
    let mut blocks: Vec<String> = Vec::new();
    let text = text.trim().split("\n\n");
    let captions = text.clone().filter(|block| is_caption(block)).count();
    // Surplus figures count as parts of the first one.
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

/// The placeholder with the caption between its brackets. `None` without empty brackets, or if the caption has brackets or line feeds.
fn captioned(placeholder: &str, caption: &str) -> Option<String> {
    let behind = placeholder.strip_prefix("![]")?;
    (!caption.contains(['[', ']', '\n'])).then(|| format!("![{caption}]{behind}"))
}

fn announced(prompt: &str) -> Option<usize> {
    let (_, behind) = prompt.split_once("Figures on this page:")?;
    let digits: String = behind.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The placeholders of a prompt without duplicates, in their order.
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
