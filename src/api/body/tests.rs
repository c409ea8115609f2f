use axum::extract::{FromRequest, Multipart};
use futures::stream;
use proptest::prelude::*;

use super::*;

/// A form with `preamble` bytes before a file of this content, sent in chunks of `chunk` bytes that are all ready at once.
fn form(preamble: usize, content: &[u8], chunk: usize) -> (Request, FormBody) {
    let mut body = vec![b'x'; preamble];
    body.extend(b"\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n");
    body.extend(content);
    body.extend(b"\r\n--b--\r\n");
    let chunks: Vec<_> =
        body.chunks(chunk).map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk))).collect();
    let request = Request::builder().header("content-type", "multipart/form-data; boundary=b");
    FormBody::of(request.body(Body::from_stream(stream::iter(chunks))).unwrap())
}

/// The content of the first part. `None` if the form failed.
async fn content_of((request, body): (Request, FormBody)) -> Option<Vec<u8>> {
    let mut form = Multipart::from_request(request, &()).await.unwrap();
    let mut field = form.next_field().await.ok()??;
    let mut content = Vec::new();
    while let Some(chunk) = field.chunk().await.ok()? {
        body.content_received();
        content.extend(chunk);
    }
    Some(content)
}

#[tokio::test]
async fn form_with_leading_bytes_up_to_the_limit_passes_with_any_content() {
    let content = vec![b'-'; 1 << 20];
    for preamble in [0, 8_000] {
        let found = content_of(form(preamble, &content, 1 << 16)).await;
        assert_eq!(found.as_deref(), Some(&content[..]), "{preamble}");
    }
}

#[tokio::test]
async fn form_with_leading_bytes_beyond_the_limit_fails_as_overhead() {
    let (request, body) = form(OVERHEAD_BYTES_MAX + 1, b"content", 1 << 16);
    assert_eq!(content_of((request, body.clone())).await, None);
    assert!(body.is_overhead());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn form_content_received_is_what_was_sent_for_any_chunks(
        pieces in proptest::collection::vec(prop_oneof![
            Just(&b"\r"[..]), Just(&b"\r\n"[..]), Just(&b"\r\n-"[..]), Just(&b"\r\n--"[..]), Just(&b"b"[..]), Just(&[b'x'; 1_500][..]),
        ], 0..12),
        chunk in 1usize..9_000,
    ) {
        let content = pieces.concat();
        prop_assume!(!content.windows(5).any(|bytes| bytes == b"\r\n--b"));
        let found = futures::executor::block_on(content_of(form(0, &content, chunk)));
        prop_assert_eq!(found, Some(content));
    }
}
