//! What is kept, what takes too long, and what panics.

use std::sync::mpsc;

use super::*;
use crate::accounts::Account;

fn caller() -> Caller {
    Caller { account: Account { id: "a".into(), email: None, quota_tokens: None }, network: None }
}

fn renderer(page_timeout: Duration) -> Renderer {
    Renderer::new(RenderingLimits { at_once_max: 2, page_timeout, kept_bytes_max: 1 << 20 })
}

fn page(markdown: &str) -> Page {
    Page { index: 0, markdown: markdown.into(), failure: None, note: None }
}

#[tokio::test]
async fn page_rendered_once_is_kept_by_document_page_and_text() {
    let renderer = renderer(Duration::from_secs(60));
    let html = async |document: &str, page: Page| renderer.page(&caller(), document, &page, None).await.unwrap();
    let first = html("d", page("*a*")).await;
    assert_eq!(&*first, "<p><em>a</em></p>\n");
    assert!(Arc::ptr_eq(&first, &html("d", page("*a*")).await));
    for (document, other) in [("e", page("*a*")), ("d", Page { index: 1, ..page("*a*") }), ("d", page("*b*"))] {
        assert!(!Arc::ptr_eq(&first, &html(document, other).await));
    }
    let query = Query::parse("a").unwrap();
    assert!(renderer.page(&caller(), "d", &page("*a*"), Some(&query)).await.unwrap().contains("<mark"));
    assert!(Arc::ptr_eq(&first, &html("d", page("*a*")).await), "the marked page is not kept");
}

#[tokio::test]
async fn pages_kept_take_no_more_than_their_limit() {
    let renderer = renderer(Duration::from_secs(60));
    for number in 0..100 {
        let markdown = format!("{number} {}", "word ".repeat(10_000));
        renderer.page(&caller(), "d", &page(&markdown), None).await.unwrap();
    }
    assert!(renderer.kept.weight() <= 1 << 20);
}

#[tokio::test]
async fn page_that_takes_too_long_is_shown_as_written_and_kept_once_it_is_rendered() {
    let renderer = renderer(Duration::ZERO);
    // It takes a while, also on a quick machine.
    let page = page(&"*a* <b>".repeat(9_000));
    let html = renderer.page(&caller(), "d", &page, None).await.unwrap();
    assert!(html.starts_with("<pre tabindex=\"0\">*a* &lt;b&gt;*a* "));
    // The account's next turn comes when the thread is done.
    renderer.run(&caller(), || ()).await.unwrap();
    assert!(renderer.page(&caller(), "d", &page, None).await.unwrap().contains("<em>"));
}

#[tokio::test]
async fn work_that_nobody_waits_for_keeps_its_turn_until_it_ends() {
    let renderer = renderer(Duration::from_secs(60));
    let (end, ended) = mpsc::channel::<()>();
    drop(renderer.begin(&caller(), move || ended.recv()).await.unwrap());
    let caller = caller();
    let mut next = Box::pin(renderer.run(&caller, || ()));
    assert!(futures::poll!(next.as_mut()).is_pending());
    end.send(()).unwrap();
    next.await.unwrap();
}

#[tokio::test]
async fn work_that_panics_is_a_fault_and_gives_its_turn_back() {
    let renderer = renderer(Duration::from_secs(60));
    assert!(renderer.run(&caller(), || panic!("a test")).await.is_err());
    assert_eq!(renderer.run(&caller(), || 1).await.unwrap(), 1);
}
