//! A document's title from its metadata.

use crate::document::LABEL_CHARS_MAX;

/// Longer titles are cut. They are usually text in the wrong field.
const TITLE_CHARS_MAX: usize = 300;

/// Default titles that programs write.
const PLACEHOLDERS: [&str; 9] = [
    "untitled",
    "untitled document",
    "title",
    "no title",
    "document",
    "document1",
    "powerpoint presentation",
    "adobe photoshop pdf",
    "(anonymous)",
];

/// A title that ends with one of these is the name of a source file.
const SOURCE_EXTENSIONS: [&str; 14] =
    [".doc", ".docx", ".dvi", ".htm", ".html", ".indd", ".odt", ".pdf", ".ppt", ".pptx", ".ps", ".qxd", ".rtf", ".tex"];

/// The title as one clean line of at most 300 characters; `None` if it is empty, a placeholder or a file name.
pub(crate) fn clean(raw: &str) -> Option<String> {
    let title = one_line(raw);
    let title = title.trim_start_matches("Microsoft Word - ").trim_start_matches("Microsoft PowerPoint - ");
    let has_text = title.chars().any(char::is_alphanumeric);
    (has_text && !is_placeholder(title) && !is_path(title)).then(|| title.to_owned())
}

/// A page label as one short clean line. `None` if nothing of it is visible.
pub(crate) fn label(raw: &str) -> Option<String> {
    let label: String = one_line(raw).chars().take(LABEL_CHARS_MAX).collect();
    (!label.is_empty()).then_some(label)
}

/// The text as one clean line of at most 300 characters.
pub(crate) fn one_line(raw: &str) -> String {
    let visible: String = raw.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|char| !is_invisible(*char)).take(TITLE_CHARS_MAX).collect();
    line.trim().to_owned()
}

/// Direction overrides and zero-width characters, which can disguise a title, and the replacement character of a broken encoding.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffd}')
}

fn is_placeholder(title: &str) -> bool {
    let lower = title.to_lowercase();
    PLACEHOLDERS.contains(&lower.as_str())
}

fn is_path(title: &str) -> bool {
    let lower = title.to_lowercase();
    let drive = lower.as_bytes().get(1..3).is_some_and(|bytes| bytes == b":\\" || bytes == b":/");
    drive
        || lower.starts_with("file:")
        || lower.starts_with('/')
        || SOURCE_EXTENSIONS.iter().any(|extension| lower.ends_with(extension))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::clean;

    #[test]
    fn title_is_cleaned_or_rejected() {
        let cases = [
            ("  The  PGF\nManual ", Some("The PGF Manual")),
            ("Microsoft Word - Annual report", Some("Annual report")),
            ("Microsoft Word - report.doc", None),
            ("Untitled", None),
            ("untitled\0", None),
            ("", None),
            (" - ", None),
            ("C:\\Users\\me\\thesis", None),
            ("/home/me/paper", None),
            ("file:///tmp/a", None),
            ("main.tex", None),
            ("evil\u{202e}fdp", Some("evilfdp")),
            ("狂人日记", Some("狂人日记")),
            ("Ça alors: a/b testing", Some("Ça alors: a/b testing")),
        ];
        for (raw, expected) in cases {
            assert_eq!(clean(raw).as_deref(), expected, "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn any_title_becomes_one_short_line(raw in any::<String>()) {
            if let Some(title) = clean(&raw) {
                prop_assert!(title.chars().count() <= 300);
                prop_assert!(!title.chars().any(char::is_control));
                prop_assert_eq!(title.trim(), &title);
                prop_assert!(!title.is_empty());
            }
        }
    }
}
