//! Renders texts that were once too expensive. `cargo bench --bench render`
//!
//! Each is rendered in a process of its own; of a text larger than a page, only the first page. The limits are 200 ms and 50 MB.

#![allow(clippy::expect_used)]

mod measure;
mod memory;

use coldbrew::markdown::safe_html;
use coldbrew::markdown::{PAGE_BYTES_MAX, cuts};
use measure::Measured;

fn main() {
    match measure::wanted() {
        Some(name) => {
            let text = bomb(&name);
            let page = cuts(&text, PAGE_BYTES_MAX).next().expect("it is not empty");
            measure::report(|| {
                std::hint::black_box(safe_html(page, 0));
                page.len() as u64
            });
        }
        None => {
            println!("| text | page | time | peak |\n|---|--:|--:|--:|");
            for (name, _) in BOMBS {
                let Measured { bytes, time, peak_bytes } = measure::in_a_process_of_its_own(name, &[]);
                println!("| {name} | {} KiB | {} ms | {} MB |", bytes >> 10, time.as_millis(), peak_bytes / 1_000_000);
            }
        }
    }
}

fn bomb(name: &str) -> String {
    let (_, make) = BOMBS.iter().find(|(other, _)| *other == name).expect("a name of the table");
    make()
}

type Bomb = (&'static str, fn() -> String);

fn filled(part: &str) -> String {
    part.repeat(PAGE_BYTES_MAX / part.len())
}

fn halves(first: &str, second: &str) -> String {
    first.repeat(PAGE_BYTES_MAX / 2 / first.len()) + &second.repeat(PAGE_BYTES_MAX / 2 / second.len())
}

const BOMBS: &[Bomb] = &[
    ("list of 8,000 levels", || "- ".repeat(8_000) + "a"),
    ("quotation of 32,000 levels", || ">".repeat(32_000) + "a"),
    ("4 MiB of emphasis", || "*a* ".repeat(1 << 20)),
    ("64 KiB of emphasis", || filled("*a* ")),
    ("3,000 roots", || format!("${}x$", "\\sqrt".repeat(3_000))),
    ("levels and lines of a list", || halves("- ", "a\n")),
    ("levels and lines of a quotation", || halves("> ", "a\n")),
    ("emphasis in emphasis", || halves("*a ", "a*")),
    ("numbered levels", || filled("1) ")),
    ("headings", || filled("# a\n")),
    ("items", || filled("-\n")),
    ("tables", || filled("a|b\n-|-\n")),
    ("table of empty cells", || format!("|{}\n|{}\n{}", "a|".repeat(500), "-|".repeat(500), "|a\n".repeat(20_000))),
    ("footnotes in footnotes", || filled("[^a]:")),
    ("reference to a long address", || format!("[a]: http://x/{}\n\n{}", "u".repeat(30_000), "[a] ".repeat(8_000))),
    ("less-than signs", || filled("<")),
    ("pictures", || filled("![a](b)")),
    ("formulas", || filled("$a$ ")),
    ("styled formulas", || filled(&format!("$\\displaystyle\\color{{red}}{}$ ", "x".repeat(8_000)))),
    ("arrays", || filled(&format!("$\\begin{{array}}{{{}c}}{}\\end{{array}}$ ", "|".repeat(200), "\\\\".repeat(100)))),
    ("matrix", || filled(&format!("$\\begin{{matrix}}{}\\end{{matrix}}$ ", "a&".repeat(4_000)))),
];
