//! Joins the style sheets into one and minifies it.
//!
//! `style/main.css` imports the others with `@import "file.css";`, in the order in which they apply. Minifying removes only comments,
//! repeated white space, and space beside `{ } ; ,`, which never change the meaning.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The minified style sheet, with all imports.
///
/// # Errors
/// If a file cannot be read, an import has another form, or a file is imported twice.
pub fn build(main: &Path) -> Result<String, Error> {
    let mut seen = Vec::new();
    Ok(minified(&joined(main, &mut seen)?))
}

/// The text of a sheet with its imports replaced by their files.
fn joined(path: &Path, seen: &mut Vec<PathBuf>) -> Result<String, Error> {
    if seen.iter().any(|other| other == path) {
        return Err(Error::StyleImportedTwice { path: path.to_owned() });
    }
    seen.push(path.to_owned());
    let text = fs::read_to_string(path).map_err(Error::at(path))?;
    let mut result = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("@import") {
            let file = imported_file(line)
                .ok_or_else(|| Error::StyleImport { path: path.to_owned(), rule: line.trim().to_owned() })?;
            result.push_str(&joined(&path.with_file_name(file), seen)?);
        } else {
            result.push_str(line);
        }
        result.push('\n');
    }
    Ok(result)
}

fn imported_file(line: &str) -> Option<&str> {
    let file = line.trim().strip_prefix("@import")?.trim().strip_suffix(';')?.trim();
    let file = file.strip_prefix('"')?.strip_suffix('"')?;
    (!file.contains(['/', '"'])).then_some(file)
}

fn minified(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(first) = rest.chars().next() {
        let taken = if rest.starts_with("/*") {
            let length = rest.find("*/").map_or(rest.len(), |end| end + 2);
            push_comment(&mut out, &rest[length..]);
            length
        } else if first.is_ascii_whitespace() {
            push_space(&mut out);
            1
        } else if first == '"' || first == '\'' {
            let length = string_length(rest, first);
            out.push_str(&rest[..length]);
            length
        } else {
            push_symbol(&mut out, first);
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    out.truncate(out.trim_end().len());
    out
}

/// Drops a comment. One between two words becomes an empty comment, since a space could change a selector.
fn push_comment(out: &mut String, rest: &str) {
    let joins = |symbol: char| !symbol.is_ascii_whitespace() && !matches!(symbol, '{' | '}' | ';' | ',');
    if out.ends_with(joins) && rest.starts_with(joins) {
        out.push_str("/**/");
    }
}

/// Writes a space if it is needed and not there yet.
fn push_space(out: &mut String) {
    if !out.is_empty() && !out.ends_with([' ', '{', '}', ';', ',']) {
        out.push(' ');
    }
}

fn push_symbol(out: &mut String, symbol: char) {
    if matches!(symbol, '{' | '}' | ';' | ',') && out.ends_with(' ') {
        out.pop();
    }
    if symbol == '}' && out.ends_with(';') {
        out.pop();
    }
    out.push(symbol);
}

/// The length in bytes of the quoted string at the start of `css`, with both quotes.
fn string_length(css: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, symbol) in css.char_indices().skip(1) {
        match symbol {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if symbol == quote => return index + 1,
            _ => {}
        }
    }
    css.len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_extra_space_are_removed() {
        let css = "/* head */\n.a > .b ,\n.c :hover {\n  width: calc(1px + 2px); /* why */\n  margin: 0 1px;\n}\n@media (width > 3px) and (hover) { a { b: c } }\n";
        assert_eq!(
            minified(css),
            ".a > .b,.c :hover{width: calc(1px + 2px);margin: 0 1px}@media (width > 3px) and (hover){a{b: c}}"
        );
    }

    #[test]
    fn strings_are_unchanged() {
        let css = r#"a::before { content: " /* { \"  ; */ " ; }  b { c: ' ,  ' }"#;
        assert_eq!(minified(css), r#"a::before{content: " /* { \"  ; */ "}b{c: ' ,  '}"#);
    }

    #[test]
    fn comment_between_words_becomes_an_empty_comment() {
        assert_eq!(minified("a/* x */.b{}"), "a/**/.b{}");
        assert_eq!(minified("a /* x */ .b/* y */{}"), "a .b{}");
    }

    #[test]
    fn unclosed_comment_or_string_ends_with_the_file() {
        assert_eq!(minified("a{} /* b"), "a{}");
        assert_eq!(minified("a{b:\"c"), "a{b:\"c");
    }

    #[test]
    fn only_plain_imports_of_the_same_folder_are_supported() {
        assert_eq!(imported_file("@import \"base.css\";"), Some("base.css"));
        assert_eq!(imported_file("@import url(base.css);"), None);
        assert_eq!(imported_file("@import \"../base.css\";"), None);
        assert_eq!(imported_file("@import \"base.css\" layer(base);"), None);
    }

    #[test]
    fn imports_are_replaced_once_and_cycles_rejected() {
        let folder = std::env::temp_dir().join(format!("coldbrew-style-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("main.css"), "@import \"a.css\";\nb{}\n").unwrap();
        fs::write(folder.join("a.css"), "a{}\n").unwrap();
        assert_eq!(build(&folder.join("main.css")).unwrap(), "a{}b{}");
        fs::write(folder.join("a.css"), "@import \"main.css\";\n").unwrap();
        assert!(matches!(build(&folder.join("main.css")), Err(Error::StyleImportedTwice { .. })));
        fs::remove_dir_all(&folder).unwrap();
    }
}
