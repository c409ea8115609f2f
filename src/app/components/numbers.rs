//! Numbers with thousands separators.

/// `1 page`, `1,321 pages`.
pub fn page_count(pages: u64) -> String {
    if pages == 1 { "1 page".into() } else { format!("{} pages", grouped(pages)) }
}

/// The number of a page in the file, with its printed number if that differs: `31 (p. 12)`.
pub fn printed(number: u32, label: Option<&str>) -> String {
    label.map_or_else(|| number.to_string(), |label| format!("{number} (p. {label})"))
}

/// `1,321`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn number_is_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
