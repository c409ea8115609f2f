//! Writes tables as Markdown, or as HTML if cells span rows or columns, because Markdown has no form for those.

use super::super::inline::Inline;
use super::super::join::join;
use super::super::vocabulary::Vocabulary;
use super::Table;

/// Renders a table. The first row is its header.
pub(in super::super) fn render(markdown: &mut String, table: &Table, inline: &Inline<'_>, words: &Vocabulary) {
    let has_spans = table.rows.iter().flatten().any(|cell| cell.columns > 1 || cell.rows > 1);
    if has_spans { html(markdown, table, words) } else { pipes(markdown, table, inline, words) }
}

fn pipes(markdown: &mut String, table: &Table, inline: &Inline<'_>, words: &Vocabulary) {
    let columns = table.rows.iter().map(Vec::len).max().unwrap_or(0);
    for (index, row) in table.rows.iter().enumerate() {
        if index > 0 {
            markdown.push('\n');
        }
        for column in 0..columns {
            markdown.push_str("| ");
            let mut text = String::new();
            inline.render(&mut text, &row.get(column).map(|cell| join(&cell.lines, words)).unwrap_or_default());
            markdown.push_str(&text.replace('|', "\\|"));
            markdown.push_str(if text.is_empty() { "" } else { " " });
        }
        markdown.push('|');
        if index == 0 {
            markdown.push('\n');
            markdown.push_str(&"|---".repeat(columns));
            markdown.push('|');
        }
    }
}

fn html(markdown: &mut String, table: &Table, words: &Vocabulary) {
    markdown.push_str("<table>\n");
    for (index, row) in table.rows.iter().enumerate() {
        let name = if index == 0 { "th" } else { "td" };
        markdown.push_str("<tr>");
        for cell in row {
            markdown.push_str(&format!("<{name}"));
            for (attribute, count) in [("colspan", cell.columns), ("rowspan", cell.rows)] {
                if count > 1 {
                    markdown.push_str(&format!(" {attribute}=\"{count}\""));
                }
            }
            markdown.push('>');
            escape_html(markdown, &join(&cell.lines, words));
            markdown.push_str(&format!("</{name}>"));
        }
        markdown.push_str("</tr>\n");
    }
    markdown.push_str("</table>");
}

/// Writes a text so that neither HTML nor Markdown interprets it: readers differ in whether the cells of an HTML table are Markdown.
fn escape_html(html: &mut String, text: &str) {
    for (index, char) in text.char_indices() {
        let is_mark = matches!(char, '<' | '>' | '&' | '\\' | '`' | '*' | '_' | '$' | '~' | '[' | ']' | '|' | '!');
        // At the start, these open a heading, a list or a quotation; a dot or parenthesis does behind a number.
        let opens = matches!(char, '#' | '+' | '-' | '=' | ':') && index == 0;
        let ends_number =
            matches!(char, '.' | ')') && index > 0 && text[..index].bytes().all(|byte| byte.is_ascii_digit());
        if is_mark || opens || ends_number {
            html.push_str(&format!("&#{};", u32::from(char)));
        } else {
            html.push(char);
        }
    }
}
