//! LaTeX to MathML. `pulldown_latex` recurses: it is given no formula that could overflow a stack, and its output has a limit.
//! A formula beyond the limits, like one that cannot be understood, is shown as it was written.
//!
//! The parser (0.8) recurses when a command's argument is a command without braces, when a token leaves no event behind, and at
//! comments. [`is_tame`] counts those; [`arguments`] names the commands that take arguments.

use std::convert::Infallible;
use std::io;

use pulldown_latex::config::DisplayMode;
use pulldown_latex::{Parser, RenderConfig, Storage, write_mathml};

use super::depth::DEPTH_MAX;

/// The longest formula that is parsed, in bytes.
const FORMULA_BYTES_MAX: usize = 8 * 1024;
/// How often the parser may recurse in one formula.
const RECURSIONS_MAX: usize = 200;
/// The largest MathML of one formula, in bytes: a row of an array repeats all of its columns.
const MATHML_BYTES_MAX: usize = 256 * 1024;
/// Definitions could expand without end; nothing outside of their own formula would see them.
const DEFINITIONS: [&str; 6] = ["def", "let", "futurelet", "newcommand", "renewcommand", "providecommand"];

/// LaTeX as MathML, or as code if it is too large, too deep or not understood.
pub(crate) fn mathml(latex: &str, display_mode: DisplayMode) -> String {
    let mathml = if latex.len() <= FORMULA_BYTES_MAX { parsed(latex, display_mode) } else { None };
    mathml.unwrap_or_else(|| format!("<code>{}</code>", escaped(latex)))
}

fn parsed(latex: &str, display_mode: DisplayMode) -> Option<String> {
    // The parser takes one byte for one space.
    let latex: String = latex.chars().map(|c| if c.is_whitespace() && c != '\n' { ' ' } else { c }).collect();
    is_tame(&latex).then(|| render(&latex, display_mode)).flatten()
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

/// Takes no more than [`MATHML_BYTES_MAX`].
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

/// How deeply the elements of well-formed HTML nest.
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

/// Whether the parser can be given this formula.
fn is_tame(latex: &str) -> bool {
    // It takes one byte for one character after `\char` and in colors.
    let is_readable = latex.is_ascii() || !(latex.contains('#') || latex.contains("\\char"));
    is_readable && Scan::new(latex).within_limits()
}

/// Reads a formula token by token, without recursion.
struct Scan<'a> {
    rest: &'a str,
    recursions: usize,
    /// Groups, environments and `\left` that are open.
    depth: usize,
}

/// What a formula is made of, as far as nesting goes.
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
                Token::Command(name) => self.look_for_commands(arguments(name)),
                Token::Char('^' | '_') => self.look_for_commands(1),
                Token::Char(_) => {}
            }
            if self.depth > DEPTH_MAX || self.recursions > RECURSIONS_MAX {
                return false;
            }
        }
        true
    }

    /// Counts a recursion if one of the next `count` arguments is a command without braces, or if there is an optional one. Consumes
    /// nothing: what stands in arguments is scanned like everything else.
    fn look_for_commands(&mut self, count: usize) {
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

/// How many arguments a command takes that may be commands without braces, or stand before one.
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
        // Accents, and what stands above or below.
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
