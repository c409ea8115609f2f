//! A page with the levels of its headings as decided, and without its running heads.

use std::borrow::Cow;

use super::lines::hash;
use super::{Change, Structure};
use crate::markdown::blocks::{Block, Kind, blocks};
use crate::markdown::flow::replaced;

impl Structure {
    /// A page as the structure has it. A text other than that of the page when the structure was derived stays as it is. `index` counts
    /// from 0.
    pub fn applied<'a>(&self, index: u32, markdown: &'a str) -> Cow<'a, str> {
        let Some(page) = self.pages.get(&index).filter(|page| !page.changes.is_empty() && page.hash == hash(markdown))
        else {
            return markdown.into();
        };
        changed(markdown, &page.changes).into()
    }
}

fn changed(markdown: &str, changes: &[(u32, Change)]) -> String {
    let blocks = blocks(markdown);
    let mut edits = Vec::new();
    let mut at = 0;
    while let Some((number, change)) = changes.get(at) {
        at += 1;
        let Some(block) = blocks.get(*number as usize) else { break };
        match change {
            Change::Head => edits.push((block.range.clone(), String::new())),
            // It was joined to the heading before it.
            Change::Rest => {}
            Change::Text => edits.push((block.range.clone(), text(markdown, block))),
            Change::Heading(level) => {
                let rest = changes.get(at).filter(|(next, change)| *change == Change::Rest && *next == number + 1);
                let rest = rest.and_then(|(next, _)| blocks.get(*next as usize));
                let end = rest.unwrap_or(block).range.end;
                edits.push((block.range.start..end, heading(markdown, *level, block, rest)));
            }
        }
    }
    replaced(markdown, edits).trim_start_matches('\n').to_owned()
}

/// The block as a heading, with the words of the next block if the title goes on there.
fn heading(markdown: &str, level: u8, block: &Block, rest: Option<&Block>) -> String {
    let mut line = content(markdown, block);
    let mut words = one_line(&block.text);
    if let Some(rest) = rest {
        line.push_str(&format!(" {}", content(markdown, rest)));
        words.push_str(&format!(" {}", one_line(&rest.text)));
    }
    let made = format!("{} {line}\n", "#".repeat(level.into()));
    if is_one(&made, Kind::Heading(level), &words) { made } else { unchanged(markdown, block, rest) }
}

/// The block as a paragraph.
fn text(markdown: &str, block: &Block) -> String {
    let line = content(markdown, block);
    let words = one_line(&block.text);
    let escaped = format!("\\{line}\n");
    // A number and a full stop would begin a list.
    let numbered = line.find(['.', ')']).map(|at| format!("{}\\{}\n", &line[..at], &line[at..]));
    let made = [Some(format!("{line}\n")), Some(escaped), numbered].into_iter().flatten();
    made.into_iter()
        .find(|made| is_one(made, Kind::Paragraph, &words))
        .unwrap_or_else(|| unchanged(markdown, block, None))
}

fn unchanged(markdown: &str, block: &Block, rest: Option<&Block>) -> String {
    markdown[block.range.start..rest.unwrap_or(block).range.end].to_owned()
}

/// The Markdown of a heading or a paragraph on one line, without the marks of a heading.
fn content(markdown: &str, block: &Block) -> String {
    let source = markdown[block.range.clone()].trim();
    let Kind::Heading(_) = block.kind else { return one_line(source) };
    if !source.starts_with('#') {
        // The last line underlines the others.
        return one_line(source.rsplit_once('\n').map_or(source, |(title, _)| title));
    }
    let title = source.trim_start_matches('#').trim();
    let open = title.trim_end_matches('#');
    one_line(if open.is_empty() || open.ends_with([' ', '\t']) { open } else { title })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether Markdown is one block of a kind with these words.
fn is_one(markdown: &str, kind: Kind, words: &str) -> bool {
    matches!(blocks(markdown).as_slice(), [block] if block.kind == kind && one_line(&block.text) == words)
}
