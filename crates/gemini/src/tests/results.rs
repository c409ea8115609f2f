//! Odd result files, and any bytes at all. The forms that Google is known to send are in `section_4`.

use proptest::prelude::*;
use tokio::io::BufReader;

use super::batches::any_json;
use crate::jsonl::{Line, Lines, Oddity, Outcome, ResultLine, ResultReader};

async fn read(bytes: &[u8]) -> Vec<ResultLine> {
    // A small buffer, so that lines come in pieces.
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
async fn odd_lines_are_reported() {
    for (line, oddity) in [
        ("not json", Oddity::NotJson),
        ("{\"key\":\"k\",", Oddity::NotJson),
        ("{}", Oddity::NoResult),
        ("[]", Oddity::NoResult),
        ("null", Oddity::NoResult),
        ("7", Oddity::NoResult),
        (r#"{"key":"k"}"#, Oddity::NoResult),
        (r#"{"key":"k","response":null}"#, Oddity::NoResult),
        (r#"{"key":"k","response":"text"}"#, Oddity::NoResult),
    ] {
        assert_eq!(one(line).await.outcome, Outcome::Unrecognised(oddity), "{line}");
    }
    let deep = format!("{{\"key\":\"k\",\"response\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(one(&deep).await.outcome, Outcome::Unrecognised(Oddity::NotJson));
    assert_eq!(read(b"{\"key\":\"\xff\"}\n").await[0].outcome, Outcome::Unrecognised(Oddity::NotJson));
}

#[tokio::test]
async fn keys_are_found_in_every_form() {
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
async fn blank_lines_crlf_and_a_missing_line_end_are_ordinary() {
    let lines = read(b"\n{\"key\":\"a\",\"response\":{}}\r\n  \t\r\n\r\n{\"key\":\"b\",\"response\":{}}").await;
    let seen: Vec<_> = lines.iter().map(|line| (line.number, line.key.as_deref())).collect();
    assert_eq!(seen, [(2, Some("a")), (5, Some("b"))]);
    assert!(read(b"").await.is_empty());
}

#[tokio::test]
async fn a_last_line_that_is_cut_off_is_told_from_a_bad_line() {
    let lines = read(b"{\"key\":\"a\",\"resp\n{\"key\":\"b\",\"resp").await;
    assert_eq!(lines[0].outcome, Outcome::Unrecognised(Oddity::NotJson));
    assert_eq!(lines[1].outcome, Outcome::Unrecognised(Oddity::CutOff));
}

#[tokio::test]
async fn a_line_that_is_too_long_is_skipped_and_the_next_is_read() {
    let mut lines = Lines::new(BufReader::with_capacity(3, b"12345\n123456\n1234\n1234567".as_slice()), 5);
    assert_eq!(lines.next().await.unwrap(), Some(Line::Whole(b"12345")));
    assert_eq!(lines.next().await.unwrap(), Some(Line::TooLong));
    assert_eq!(lines.next().await.unwrap(), Some(Line::Whole(b"1234")));
    assert_eq!(lines.next().await.unwrap(), Some(Line::TooLong));
    assert_eq!(lines.next().await.unwrap(), None);
    let long = format!("{{\"key\":\"{}\"}}\n{{\"key\":\"b\",\"response\":{{}}}}\n", "x".repeat(17 << 20));
    let lines = read(long.as_bytes()).await;
    assert_eq!(lines[0].outcome, Outcome::Unrecognised(Oddity::TooLong));
    assert_eq!(lines[1].key.as_deref(), Some("b"));
}

proptest! {
    /// Whatever the bytes: no panic, and a line for each that is not blank.
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let lines = runtime.block_on(read(&bytes));
        let expected = bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        prop_assert_eq!(lines.len(), expected);
    }

    #[test]
    fn any_json_lines_are_read(values in proptest::collection::vec(any_json(), 0..6)) {
        let text: String = values.iter().map(|value| format!("{value}\n")).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert_eq!(runtime.block_on(read(text.as_bytes())).len(), values.len());
    }
}
