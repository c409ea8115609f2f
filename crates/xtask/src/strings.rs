//! `cargo xtask strings`: prints the texts of the web app and the error messages, by file and line, so that one person can read all.
//!
//! It scans for string literals and judges each by its form and by the code before it. A few identifiers get through. A single word in
//! lower case counts as an identifier.

use std::fs;

use crate::error::Error;
use crate::layout::Layout;
use crate::site::files_below;

/// The modules of the web app. Each of their texts is printed.
const WEB_APP: [&str; 2] = ["src/app", "src/model"];
/// The modules with error messages and reasons. Only their whole sentences are printed.
const USE_CASES: [&str; 8] =
    ["src/error", "src/accounts", "src/api", "src/documents", "src/extract", "src/jobs", "src/uploads", "src/web"];
/// The attributes and component properties that have text. All others have identifiers.
const TEXT_ATTRIBUTES: [&str; 9] =
    ["alt", "aria-label", "content", "label", "placeholder", "text", "title", "words", "yes"];
/// Keys, headers, selectors and classes that look like text.
const NOT_TEXT: [&str; 8] = ["200% 0px", "Accept", "Escape", "Files", "POST", "a, button", "notice bad", "notice good"];

/// Prints the texts of each file below its path.
///
/// # Errors
/// If a file cannot be read.
pub fn print(layout: &Layout) -> Result<(), Error> {
    for (modules, sentences_only) in [(WEB_APP.as_slice(), false), (USE_CASES.as_slice(), true)] {
        for module in modules {
            let folder = layout.root.join(module);
            let mut files = vec![folder.with_extension("rs")];
            files.extend(files_below(&folder)?);
            for file in files {
                let name = file.strip_prefix(&layout.root).unwrap_or(&file).display().to_string();
                if !name.ends_with(".rs") || name.contains("/tests") {
                    continue;
                }
                let source = fs::read_to_string(&file).map_err(Error::at(&file))?;
                let texts = texts(&source, sentences_only);
                if !texts.is_empty() {
                    println!("\n{name}");
                }
                for (line, text) in texts {
                    println!("{line:>5}  {text}");
                }
            }
        }
    }
    Ok(())
}

/// The texts of a Rust file with their lines, from 1. Tests at the end of the file are left out.
fn texts(source: &str, sentences_only: bool) -> Vec<(usize, String)> {
    let code = source.split("#[cfg(test)]\n").next().unwrap_or_default();
    let mut texts = Vec::new();
    let mut at = 0;
    // Where the current raw string ends. Its own literals are scanned too, because it may be a script.
    let mut raw_end = None;
    while let Some(rest) = code.get(at..).filter(|rest| !rest.is_empty()) {
        at += if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("'\"'") {
            3
        } else if raw_end == Some(at) {
            raw_end = None;
            2
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            raw_end = raw.find("\"#").map(|end| at + 3 + end);
            3
        } else if rest.starts_with('"') {
            let length = string_length(rest);
            let text = unescaped(rest.get(1..length - 1).unwrap_or_default());
            let (before, after) = (code.get(..at).unwrap_or_default(), rest.get(length..).unwrap_or_default());
            if !after.starts_with(" =>") && is_text(before, &text, sentences_only) {
                texts.push((1 + before.matches('\n').count(), text));
            }
            length
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
    }
    texts
}

/// The length in bytes of the string literal at the start, with its quotes.
fn string_length(rest: &str) -> usize {
    let mut is_escaped = false;
    let end = rest.char_indices().skip(1).find(|&(_, c)| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    end.map_or(rest.len(), |(end, _)| end + 1)
}

/// A literal's text, with continued lines joined.
fn unescaped(literal: &str) -> String {
    let mut lines = literal.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + line.trim_start()).replace("\\\"", "\"")
}

/// Whether people read the literal. `before`: the code before it.
fn is_text(before: &str, literal: &str, sentences_only: bool) -> bool {
    let text = literal.trim();
    let mut parts = text.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest));
    let has_word = parts.any(|part| part.as_bytes().windows(2).any(|pair| pair.iter().all(u8::is_ascii_alphabetic)));
    let is_code = text.contains(['=', '<', '>', '[', '\\', '\n']) || text.starts_with(['.', '/', '#', '-']);
    if !has_word || is_code || NOT_TEXT.contains(&text) {
        return false;
    }
    let (is_phrase, is_capital) = (text.contains(' '), text.starts_with(char::is_uppercase));
    if sentences_only {
        let is_sentence = (is_capital || text.starts_with(['“', '{'])) && text.ends_with(['.', '?', '…']);
        return is_phrase && is_sentence && !before.ends_with("description = ");
    }
    let is_word = is_capital && text.chars().all(|c| c.is_alphabetic() || ".…".contains(c));
    attribute(before).map_or(is_phrase || is_word || literal != text, |name| TEXT_ATTRIBUTES.contains(&name))
}

/// The attribute whose value comes next: `aria-label` after `<p aria-label=`.
fn attribute(before: &str) -> Option<&str> {
    let name = before.strip_suffix('=')?;
    let start = name.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '-').map_or(0, |end| end + 1);
    name.get(start..).filter(|name| !name.is_empty())
}

#[cfg(test)]
#[test]
fn texts_are_found_and_identifiers_are_not() {
    let source = r#"// "In a comment."
        let (quote, name) = ('"', "data-own");
        view! { <p class="card stack" aria-label="Add a document">"Try “again”"</p> <Title text="Library" /> }
        let state = match key { "ArrowLeft" => "Ready", _ => "failed" };
        refused("One \
                 sentence."); // description = "Of the API."
        description = "Of the API.""#;
    let texts = |sentences_only| texts(&format!("{source}\n#[cfg(test)]\n\"In a test.\""), sentences_only);
    let web_app = [(3, "Add a document"), (3, "Try “again”"), (3, "Library"), (4, "Ready"), (5, "One sentence.")];
    let owned = |(line, text): (usize, &str)| (line, text.to_owned());
    assert_eq!(texts(false)[..5], web_app.map(owned));
    assert_eq!(texts(true), [owned((5, "One sentence."))]);
}
