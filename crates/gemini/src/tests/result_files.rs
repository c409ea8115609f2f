//! Malformed result files, and any bytes as a result file. `result_lines` has the documented forms.

use proptest::prelude::*;
use tokio::io::BufReader;

use super::batches::any_json;
use crate::jsonl::{Line, LineError, Lines, Outcome, ResultLine, ResultReader};

async fn read(bytes: &[u8]) -> Vec<ResultLine> {
    // A small buffer, so that lines arrive in pieces.
    let mut reader = ResultReader::new(BufReader::with_capacity(7, bytes));
    let mut lines = Vec::new();
    while let Some(line) = reader.next().await.unwrap() {
        lines.push(line);
    }
    lines
}

pub(super) async fn one(line: &str) -> ResultLine {
    let mut lines = read(format!("{line}\n").as_bytes()).await;
    assert_eq!(lines.len(), 1, "{line}");
    lines.remove(0)
}

#[tokio::test]
async fn result_line_malformed_is_reported() {
    for (line, oddity) in [
        ("not json", LineError::NotJson),
        ("{\"key\":\"k\",", LineError::NotJson),
        ("{}", LineError::NoResult),
        ("[]", LineError::NoResult),
        ("null", LineError::NoResult),
        ("7", LineError::NoResult),
        (r#"{"key":"k"}"#, LineError::NoResult),
        (r#"{"key":"k","response":null}"#, LineError::NoResult),
        (r#"{"key":"k","response":"text"}"#, LineError::NoResult),
    ] {
        assert_eq!(one(line).await.outcome, Outcome::Unrecognised(oddity), "{line}");
    }
    let deep = format!("{{\"key\":\"k\",\"response\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(one(&deep).await.outcome, Outcome::Unrecognised(LineError::NotJson));
    assert_eq!(read(b"{\"key\":\"\xff\"}\n").await[0].outcome, Outcome::Unrecognised(LineError::NotJson));
}

#[tokio::test]
async fn result_key_is_read_in_every_form() {
    for (line, key) in [
        (r#"{"response":{},"key":"page_0"}"#, Some("page_0")),
        (r#"{"key":17,"response":{}}"#, Some("17")),
        (r#"{"metadata":{"key":"page_1"},"response":{}}"#, Some("page_1")),
        (r#"{"response":{}}"#, None),
        (r#"{"key":null,"response":{}}"#, None),
        (r#"{"key":["a"],"response":{}}"#, None),
        (r#"{"key":"","response":{}}"#, Some("")),
    ] {
        assert_eq!(one(line).await.key.as_deref(), key, "{line}");
    }
}

#[tokio::test]
async fn result_file_with_blank_lines_crlf_and_no_last_line_feed_is_read() {
    let lines = read(b"\n{\"key\":\"a\",\"response\":{}}\r\n  \t\r\n\r\n{\"key\":\"b\",\"response\":{}}").await;
    let seen: Vec<_> = lines.iter().map(|line| (line.number, line.key.as_deref())).collect();
    assert_eq!(seen, [(2, Some("a")), (5, Some("b"))]);
    assert!(read(b"").await.is_empty());
}

#[tokio::test]
async fn result_line_truncated_at_the_end_differs_from_a_malformed_one() {
    let lines = read(b"{\"key\":\"a\",\"resp\n{\"key\":\"b\",\"resp").await;
    assert_eq!(lines[0].outcome, Outcome::Unrecognised(LineError::NotJson));
    assert_eq!(lines[1].outcome, Outcome::Unrecognised(LineError::Truncated));
}

#[tokio::test]
async fn result_line_beyond_the_limit_is_skipped_and_the_next_is_read() {
    let mut lines = Lines::new(BufReader::with_capacity(3, b"12345\n123456\n1234\n1234567".as_slice()), 5);
    assert_eq!(lines.next().await.unwrap(), Some(Line::Whole(b"12345")));
    assert_eq!(lines.next().await.unwrap(), Some(Line::TooLong));
    assert_eq!(lines.next().await.unwrap(), Some(Line::Whole(b"1234")));
    assert_eq!(lines.next().await.unwrap(), Some(Line::TooLong));
    assert_eq!(lines.next().await.unwrap(), None);
    let long = format!("{{\"key\":\"{}\"}}\n{{\"key\":\"b\",\"response\":{{}}}}\n", "x".repeat(17 << 20));
    let lines = read(long.as_bytes()).await;
    assert_eq!(lines[0].outcome, Outcome::Unrecognised(LineError::TooLong));
    assert_eq!(lines[1].key.as_deref(), Some("b"));
}

proptest! {
    /// No bytes cause a panic, and each line that is not blank gives one result.
    #[test]
    fn any_bytes_are_read_as_result_lines_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let lines = runtime.block_on(read(&bytes));
        let expected = bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        prop_assert_eq!(lines.len(), expected);
    }

    #[test]
    fn any_json_lines_give_one_result_each(values in proptest::collection::vec(any_json(), 0..6)) {
        let text: String = values.iter().map(|value| format!("{value}\n")).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert_eq!(runtime.block_on(read(text.as_bytes())).len(), values.len());
    }
}
