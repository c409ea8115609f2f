//! LaTeX to MathML. A formula that is invalid or beyond a limit is shown as its LaTeX.
//!
//! `pulldown_latex` recurses and has no limits of its own, so a formula is checked before it is parsed. Version 0.8 recurses in three
//! cases: at an argument that is a command without braces, at a token without an event, and at a comment. [`is_within_limits`] counts them.

use std::convert::Infallible;
use std::io;

use pulldown_latex::config::DisplayMode;
use pulldown_latex::{Parser, RenderConfig, Storage, write_mathml};

use super::depth::DEPTH_MAX;

/// The longest formula that is parsed, in bytes.
const FORMULA_BYTES_MAX: usize = 8 * 1024;
/// The most recursions of the parser in one formula.
const RECURSIONS_MAX: usize = 200;
/// The largest MathML of one formula, in bytes. It can be far larger than its LaTeX: each row of an array repeats all columns.
const MATHML_BYTES_MAX: usize = 256 * 1024;
/// Commands that define macros. They are rejected because macros can expand without end, and are of use in their own formula only.
const DEFINITIONS: [&str; 6] = ["def", "let", "futurelet", "newcommand", "renewcommand", "providecommand"];

/// LaTeX as MathML, or as code if it is invalid, too large or too deep.
pub(crate) fn mathml(latex: &str, display_mode: DisplayMode) -> String {
    let mathml = if latex.len() <= FORMULA_BYTES_MAX { parsed(latex, display_mode) } else { None };
    mathml.unwrap_or_else(|| format!("<code>{}</code>", escaped(latex)))
}

fn parsed(latex: &str, display_mode: DisplayMode) -> Option<String> {
    // The parser assumes that each whitespace character is one byte.
    let latex: String = latex.chars().map(|c| if c.is_whitespace() && c != '\n' { ' ' } else { c }).collect();
    is_within_limits(&latex).then(|| render(&latex, display_mode)).flatten()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn render(latex: &str, display_mode: DisplayMode) -> Option<String> {
    let storage = Storage::new();
    let events: Vec<_> = Parser::new(latex, &storage).collect::<Result<_, _>>().ok()?;
    let config = RenderConfig { display_mode, ..RenderConfig::default() };
    let mut out = Bounded::default();
    write_mathml(&mut out, events.into_iter().map(Ok::<_, Infallible>), config).ok()?;
    String::from_utf8(out.0).ok().filter(|html| depth_of(html) <= DEPTH_MAX)
}

/// A buffer that fails beyond [`MATHML_BYTES_MAX`].
#[derive(Default)]
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MATHML_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The depth of nested elements in well-formed HTML.
fn depth_of(html: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for tag in html.split('<').skip(1) {
        let is_empty = tag.split_once('>').is_some_and(|(tag, _)| tag.ends_with('/'));
        match tag.starts_with('/') {
            true => depth = depth.saturating_sub(1),
            false if is_empty => {}
            false => depth += 1,
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Whether it is safe to parse this formula.
fn is_within_limits(latex: &str) -> bool {
    // The parser assumes that each character after `\char` and in colors is one byte.
    let is_readable = latex.is_ascii() || !(latex.contains('#') || latex.contains("\\char"));
    is_readable && Scan::new(latex).within_limits()
}

/// Scans a formula token by token, without recursion.
struct Scan<'a> {
    rest: &'a str,
    recursions: usize,
    /// The number of open groups, environments and `\left`.
    depth: usize,
}

/// A token of a formula.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Command(&'a str),
    Char(char),
}

impl<'a> Scan<'a> {
    const fn new(latex: &'a str) -> Self {
        Self { rest: latex, recursions: 0, depth: 0 }
    }

    fn within_limits(mut self) -> bool {
        while let Some(token) = self.token() {
            match token {
                Token::Char('{') | Token::Command("left" | "begin" | "begingroup") => self.depth += 1,
                Token::Char('}') | Token::Command("right" | "end" | "endgroup") => {
                    self.depth = self.depth.saturating_sub(1);
                }
                Token::Command(name) if DEFINITIONS.contains(&name) => return false,
                Token::Command("relax" | "buildrel") => self.recursions += 1,
                Token::Command(name) => self.count_recursion(arguments(name)),
                Token::Char('^' | '_') => self.count_recursion(1),
                Token::Char(_) => {}
            }
            if self.depth > DEPTH_MAX || self.recursions > RECURSIONS_MAX {
                return false;
            }
        }
        true
    }

    /// Counts a recursion if one of the next `count` arguments is a command without braces, or is optional. Consumes no token, since
    /// arguments are scanned too.
    fn count_recursion(&mut self, count: usize) {
        let mut ahead = Self { rest: self.rest, recursions: 0, depth: 0 };
        for _ in 0..count {
            match ahead.token() {
                Some(Token::Command(_) | Token::Char('[')) => {
                    self.recursions += 1;
                    return;
                }
                Some(Token::Char('{')) => ahead.skip_group(),
                Some(Token::Char('}')) | None => return,
                Some(Token::Char(_)) => {}
            }
        }
    }

    fn skip_group(&mut self) {
        let mut depth = 1;
        while depth > 0
            && let Some(token) = self.token()
        {
            match token {
                Token::Char('{') => depth += 1,
                Token::Char('}') => depth -= 1,
                _ => {}
            }
        }
    }

    fn token(&mut self) -> Option<Token<'a>> {
        loop {
            self.rest = self.rest.trim_start();
            let char = self.rest.chars().next()?;
            self.rest = &self.rest[char.len_utf8()..];
            match char {
                '%' => {
                    self.recursions += 1;
                    self.rest = self.rest.split_once('\n').map_or("", |(_, behind)| behind);
                }
                '\\' => return Some(Token::Command(self.name())),
                char => return Some(Token::Char(char)),
            }
        }
    }

    fn name(&mut self) -> &'a str {
        let letters = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let first = self.rest.chars().next().map_or(0, char::len_utf8);
        let (name, rest) = self.rest.split_at(letters.max(first));
        self.rest = rest;
        name
    }
}

/// The number of a command's arguments, up to the last one that may be a command without braces.
fn arguments(command: &str) -> usize {
    match command {
        "pmod" | "not" | "cancel" | "sqrt" | "xleftarrow" | "xrightarrow" => 1,
        // Classes of atoms.
        "mathord" | "mathop" | "mathbin" | "mathrel" | "mathopen" | "mathclose" | "mathpunct" | "mathinner" => 1,
        // Fonts.
        "mathbf" | "symbf" | "mathbfup" | "symbfup" | "boldsymbol" | "mathcal" | "symcal" | "mathit" | "symit"
        | "mathrm" | "symrm" | "mathup" | "symup" | "mathsf" | "symsf" | "mathsfup" | "symsfup" | "mathtt"
        | "symtt" | "mathbb" | "symbb" | "mathbbit" | "symbbit" | "mathfrak" | "symfrak" | "mathbfcal" | "symbfcal"
        | "mathsfit" | "symsfit" | "mathbfit" | "symbfit" | "mathbffrak" | "symbffrak" | "mathbfsfup" | "symbfsfup"
        | "mathbfsfit" | "symbfsfit" | "mathnormal" | "symnormal" => 1,
        // Accents, and marks above or below.
        "acute"
        | "bar"
        | "overline"
        | "underbar"
        | "underline"
        | "breve"
        | "check"
        | "dot"
        | "ddot"
        | "grave"
        | "hat"
        | "tilde"
        | "vec"
        | "mathring"
        | "overleftarrow"
        | "underleftarrow"
        | "overrightarrow"
        | "Overrightarrow"
        | "underrightarrow"
        | "overleftrightarrow"
        | "underleftrightarrow"
        | "overleftharpoon"
        | "overrightharpoon"
        | "widecheck"
        | "widehat"
        | "widetilde"
        | "wideparen"
        | "overparen"
        | "overgroup"
        | "undergroup"
        | "overbrace"
        | "underbrace"
        | "underparen"
        | "overbracket"
        | "underbracket" => 1,
        "textcolor" | "overset" | "stackrel" | "underset" => 2,
        "frac" | "cfrac" | "dfrac" | "tfrac" | "binom" | "dbinom" | "tbinom" => 2,
        "sideset" => 3,
        "genfrac" => 6,
        _ => 0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
