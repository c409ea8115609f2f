//! Answers with HTML, and with headings whose level is that of the page alone.
//!
//! Models answer so although Markdown was requested (`docs/GEMINI.md`, "Markdown in answers").

/// Shifts all headings so that the largest is of the first level. Without a heading, the first line becomes one.
pub(crate) fn drifted(text: &str) -> String {
    let level = |line: &str| {
        let marks = line.bytes().take_while(|byte| *byte == b'#').count();
        ((1..=6).contains(&marks) && line[marks..].starts_with(' ')).then_some(marks)
    };
    match text.lines().filter_map(level).min() {
        Some(smallest) => {
            let shifted =
                |line: &'_ str| if level(line).is_some() { line[smallest - 1..].to_owned() } else { line.to_owned() };
            text.lines().map(shifted).collect::<Vec<_>>().join("\n")
        }
        None if text.starts_with(|c: char| c.is_alphanumeric()) => format!("# {text}"),
        None => text.to_owned(),
    }
}

/// Writes tables as HTML if a cell of their header spans two columns: an empty cell follows another.
pub(crate) fn merged_tables(text: &str) -> String {
    each_table(text, |rows| spans(&rows[0]).then(|| html(rows)))
}

/// Writes all tables as HTML, with line breaks in cells, and a mark of a note after the first paragraph.
pub(crate) fn with_html(text: &str) -> String {
    let text = each_table(text, |rows| Some(html(rows)));
    let text = text.replace("H2O", "H<sub>2</sub>O");
    match text.split_once("\n\n") {
        Some((first, rest)) if !first.starts_with(['<', '|', '#']) => format!("{first}<sup>1</sup>\n\n{rest}"),
        _ => format!("{text}<sup>1</sup>"),
    }
}

type Cells = Vec<String>;

/// Replaces each table of Markdown by what `write` returns for its rows. A table that `write` returns `None` for stays as it is.
fn each_table(text: &str, write: impl Fn(&[Cells]) -> Option<String>) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut written: Vec<String> = Vec::new();
    let mut index = 0;
    while index < lines.len() {
        let length = lines[index..].iter().take_while(|line| line.trim_start().starts_with('|')).count();
        let table = &lines[index..index + length];
        let rows: Vec<Cells> =
            table.iter().enumerate().filter(|(row, _)| *row != 1).map(|(_, line)| cells(line)).collect();
        let is_table = length >= 2 && table[1].chars().all(|c| matches!(c, '|' | '-' | ':' | ' '));
        match is_table.then(|| write(&rows)).flatten() {
            Some(html) => written.push(html),
            None => written.extend(lines[index..index + length.max(1)].iter().map(|line| (*line).to_owned())),
        }
        index += length.max(1);
    }
    written.join("\n")
}

fn cells(line: &str) -> Cells {
    let inner = line.trim().trim_start_matches('|');
    inner.strip_suffix('|').unwrap_or(inner).split('|').map(|cell| cell.trim().to_owned()).collect()
}

fn spans(header: &Cells) -> bool {
    header.windows(2).any(|pair| !pair[0].is_empty() && pair[1].is_empty())
}

/// A table of HTML. An empty cell of the header belongs to the cell before it; an empty first cell of a row, to the row above.
fn html(rows: &[Cells]) -> String {
    let mut html = String::from("<table>\n");
    for (index, row) in rows.iter().enumerate() {
        let name = if index == 0 { "th" } else { "td" };
        html.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let columns = 1 + row[column + 1..].iter().take_while(|next| index == 0 && next.is_empty()).count();
            let below =
                rows[index + 1..].iter().take_while(|below| below.first().is_some_and(String::is_empty)).count();
            let is_merged = cell.is_empty() && ((index == 0 && column > 0) || (index > 1 && column == 0));
            if is_merged {
                continue;
            }
            let colspan = if columns > 1 { format!(" colspan=\"{columns}\"") } else { String::new() };
            let spans_rows = index > 0 && column == 0 && below > 0;
            let rowspan = if spans_rows { format!(" rowspan=\"{}\"", below + 1) } else { String::new() };
            html.push_str(&format!("<{name}{colspan}{rowspan}>{}</{name}>", cell.replacen("; ", ";<br>", 1)));
        }
        html.push_str("</tr>\n");
    }
    html + "</table>"
}
