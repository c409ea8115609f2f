//! Puts the figures that a prompt asks for into a page's text.

/// The text with each placeholder of the prompt on a line of its own behind the first paragraph, in order.
///
/// A prompt says `Figures on this page: 2` and shows what stands for a figure, as `[[figure 1]]` or `![…](figure:1)`; if it says no
/// number, each placeholder it shows is meant.
pub fn place(text: &str, prompt: &str) -> String {
    let announced = announced(prompt);
    let placeholders: Vec<&str> = placeholders(prompt).into_iter().take(announced.unwrap_or(usize::MAX)).collect();
    if placeholders.is_empty() {
        return text.to_owned();
    }
    let figures = placeholders.join("\n\n");
    match text.trim().split_once("\n\n") {
        Some((first, rest)) => format!("{first}\n\n{figures}\n\n{rest}"),
        None if text.trim().is_empty() => figures,
        None => format!("{}\n\n{figures}", text.trim()),
    }
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
