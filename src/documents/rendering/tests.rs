//! Tests of the cache, the timeout and panics.

use std::sync::mpsc;

use super::*;
use crate::accounts::Account;

fn caller() -> Caller {
    Caller { account: Account { id: "a".into(), email: None, quota_tokens: None }, network: None }
}

fn renderer(page_timeout: Duration) -> Renderer {
    Renderer::new(RenderingLimits { at_once_max: 2, page_timeout, kept_bytes_max: 1 << 20 })
}

fn references() -> Arc<References> {
    Arc::new(References::new(Arc::default()))
}

fn page(markdown: &str) -> Page {
    Page { index: 0, markdown: markdown.into(), failure: None, note: None }
}

#[tokio::test]
async fn rendered_page_is_cached_by_document_page_and_text() {
    let renderer = renderer(Duration::from_secs(60));
    let html = async |document: &str, page: Page| {
        renderer.page(&caller(), document, &page, &references(), None).await.unwrap()
    };
    let first = html("d", page("*a*")).await;
    assert_eq!(&*first, "<p><em>a</em></p>\n");
    assert!(Arc::ptr_eq(&first, &html("d", page("*a*")).await));
    for (document, other) in [("e", page("*a*")), ("d", Page { index: 1, ..page("*a*") }), ("d", page("*b*"))] {
        assert!(!Arc::ptr_eq(&first, &html(document, other).await));
    }
    let query = Query::parse("a").unwrap();
    assert!(renderer.page(&caller(), "d", &page("*a*"), &references(), Some(&query)).await.unwrap().contains("<mark"));
    assert!(Arc::ptr_eq(&first, &html("d", page("*a*")).await), "the marked page is not cached");
}

#[tokio::test]
async fn cached_pages_stay_within_their_limit() {
    let renderer = renderer(Duration::from_secs(60));
    for number in 0..100 {
        let markdown = format!("{number} {}", "word ".repeat(10_000));
        renderer.page(&caller(), "d", &page(&markdown), &references(), None).await.unwrap();
    }
    assert!(renderer.cache.weight() <= 1 << 20);
}

#[tokio::test]
async fn page_that_times_out_is_shown_as_markdown_and_cached_once_rendered() {
    let renderer = renderer(Duration::ZERO);
    // Long enough to exceed the timeout on a fast machine.
    let page = page(&"*a* <b>".repeat(9_000));
    let html = renderer.page(&caller(), "d", &page, &references(), None).await.unwrap();
    assert!(html.starts_with("<pre tabindex=\"0\">*a* &lt;b&gt;*a* "));
    // The account gets its next turn when the thread ends.
    renderer.run(&caller(), || ()).await.unwrap();
    assert!(renderer.page(&caller(), "d", &page, &references(), None).await.unwrap().contains("<em>"));
}

#[tokio::test]
async fn abandoned_work_keeps_its_turn_until_it_ends() {
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
async fn work_that_panics_is_an_error_and_frees_its_turn() {
    let renderer = renderer(Duration::from_secs(60));
    assert!(renderer.run(&caller(), || panic!("a test")).await.is_err());
    assert_eq!(renderer.run(&caller(), || 1).await.unwrap(), 1);
}
