//! Rules about money that hold for the text of the code: the ledger only grows, and amounts are integers.

use super::rules::sources;

/// The sources below these paths of `src`.
fn sources_of(paths: &[&str]) -> Vec<(String, String)> {
    let found: Vec<_> =
        sources().into_iter().filter(|(name, _)| paths.iter().any(|path| name.starts_with(path))).collect();
    assert!(found.len() >= paths.len(), "{paths:?} have too few sources");
    found
}

/// The one statement that changes rows: signing in can bring the guest's account along. It changes no amount.
const MERGE: &str = "update ledger set account_id = $2 where account_id = $1";

#[test]
fn ledger_row_stored_changes_its_account_at_most() {
    let mut inserts = 0;
    for (name, code) in sources_of(&["store/sql"]) {
        let sql = code.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().replace(MERGE, "");
        inserts += sql.matches("insert into ledger (").count();
        for change in ["update ledger ", "delete from ledger ", "replace into ledger "] {
            assert!(!sql.contains(change), "{name}: a statement begins with {change}");
        }
    }
    assert_eq!(inserts, 1, "one statement adds rows to the ledger");
}

#[test]
fn amount_of_tokens_or_money_is_no_float() {
    for (name, code) in sources_of(&["accounts", "model/price", "jobs/budget", "jobs/ledger", "store/sql"]) {
        for float in ["f32", "f64"] {
            assert!(!code.split(|c: char| !c.is_alphanumeric()).any(|word| word == float), "{name} has a {float}");
        }
    }
}
