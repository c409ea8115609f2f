//! The name of an exported file: its document's title, made valid on every operating system.

use std::fmt::Write;

use crate::model::percent_encoded;

/// Common file systems allow names of 255 bytes. This leaves room for an ending.
const STEM_BYTES_MAX: usize = 180;
/// Device names that Windows reserves, with any ending. `com0` and the like are checked separately
/// (<https://doc.rust-lang.org/beta/nightly-rustc/cargo/util/restricted_names/fn.is_windows_reserved.html>, read 2026-11-30).
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// A title as a file name without an ending.
pub(crate) fn stem(title: &str) -> String {
    let allowed = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    let invisible =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let spaced: String = title.chars().filter(|&c| !invisible(c)).map(|c| if allowed(c) { c } else { ' ' }).collect();
    let mut stem = String::new();
    for word in spaced.split_whitespace() {
        let space = if stem.is_empty() { "" } else { " " };
        if stem.len() + space.len() + word.len() > STEM_BYTES_MAX {
            if stem.is_empty() {
                stem.push_str(&word[..word.floor_char_boundary(STEM_BYTES_MAX)]);
            }
            break;
        }
        stem.push_str(space);
        stem.push_str(word);
    }
    // A leading dot hides a file on Unix, and Windows drops a trailing one.
    let stem = stem.trim_matches(['.', ' ']);
    let first = stem.split('.').next().unwrap_or_default().to_lowercase();
    let is_port = matches!(first.as_bytes(), [b'c', b'o', b'm', b'0'..=b'9'] | [b'l', b'p', b't', b'0'..=b'9']);
    match stem {
        "" => "document".to_owned(),
        _ if is_port || DEVICES.contains(&first.as_str()) => format!("{stem}_"),
        _ => stem.to_owned(),
    }
}

/// The value of `Content-Disposition` (RFC 6266): an ASCII name for old clients, and the UTF-8 name if it differs.
pub fn content_disposition(file_name: &str) -> String {
    let ascii: String = file_name
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') {
                c
            } else if c == ' ' {
                ' '
            } else {
                '_'
            }
        })
        .collect();
    let mut header = format!("attachment; filename=\"{ascii}\"");
    if ascii != file_name {
        let _ = write!(header, "; filename*=UTF-8''{}", percent_encoded(file_name));
    }
    header
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn title_becomes_valid_file_name() {
        for (title, name) in [
            ("The TikZ and PGF Manual", "The TikZ and PGF Manual"),
            ("../../etc/passwd", "etc passwd"),
            ("a/b\\c: \"d\"\n", "a b c d"),
            ("...", "document"),
            ("", "document"),
            ("CON", "CON_"),
            ("com1.x", "com1.x_"),
            ("Über uns", "Über uns"),
            ("gpj\u{202e}exe", "gpjexe"),
        ] {
            assert_eq!(stem(title), name);
        }
    }

    #[test]
    fn header_of_non_ascii_name_has_both_forms() {
        assert_eq!(content_disposition("a b.md"), "attachment; filename=\"a b.md\"");
        assert_eq!(content_disposition("Ü %.md"), "attachment; filename=\"_ _.md\"; filename*=UTF-8''%C3%9C%20%25.md");
    }

    proptest! {
        #[test]
        fn any_title_makes_valid_file_name(title in "\\PC{0,300}") {
            let stem = stem(&title);
            prop_assert!(!stem.is_empty() && stem.len() <= STEM_BYTES_MAX + 1);
            prop_assert!(!stem.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|', '\0', '\n']));
            prop_assert!(!stem.starts_with(['.', ' ']) && !stem.ends_with(['.', ' ']));
            prop_assert!(content_disposition(&stem).bytes().all(|byte| (0x20..0x7f).contains(&byte)));
        }
    }
}
