//! `coldbrew models`: the model in use, and what will change at Google soon.

use jiff::ToSpan;
use jiff::civil::Date;

use coldbrew_gemini::models::{AS_OF, Models, changes};

/// How far ahead the report looks, in days.
const AHEAD_DAYS: i64 = 60;

/// The model in use with what is wrong with it, then the changes of the next 60 days that the table of models names.
pub fn report(models: &Models, in_use: &str, today: Date) -> String {
    let until = today.saturating_add(AHEAD_DAYS.days());
    let changes = changes(today, until);
    let mut lines = vec![format!("In use: {in_use}")];
    lines.extend(models.notice(in_use, today));
    lines.push(match changes.is_empty() {
        true => format!("No change until {until} is known to the table of {AS_OF}."),
        false => format!("Changes until {until}, as of {AS_OF}:"),
    });
    lines.extend(changes.iter().map(|change| format!("  {change}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn report_names_the_changes_of_the_next_60_days_and_no_other() {
        let told = report(&Models::default(), "gemini-2.5-pro", date(2026, 11, 30));
        assert!(
            told.starts_with("In use: gemini-2.5-pro\nFrom 2026-12-01 Google answers requests for gemini-2.5-pro with")
        );
        assert!(
            told.contains("  2026-12-01  gemini-2.5-flash: answered by gemini-3.5-flash-lite, at its price ("),
            "{told}"
        );
        assert!(told.contains("  2026-12-01  gemini-4-argon: $4.00 / $20.00, before $2.00 / $10.00, for"), "{told}");
        assert!(told.contains("  2027-01-01  gemini-3.8-flash: $1.50 / $7.50, before $0.75 / $3.75, for"), "{told}");
        assert!(
            !told.contains("gemini-3.7-flash") && !told.contains("2026-10-08") && !told.contains("2027-05-07"),
            "{told}"
        );
        let quiet = report(&Models::default(), "gemini-3.8-flash", date(2027, 1, 1));
        assert_eq!(quiet, "In use: gemini-3.8-flash\nNo change until 2027-03-02 is known to the table of 2026-11-30.");
    }
}
