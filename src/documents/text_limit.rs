//! The limit on the text that is stored of one file. It exists because a small file can expand to very much text.

use futures::stream::{BoxStream, StreamExt, TryStreamExt};

use crate::accounts::ROW_BYTES;
use crate::error::Result;
use crate::model::size_words;
use crate::model::wire::Page;
use crate::settings::Settings;
use crate::uploads::Upload;

/// The limit for the smallest file, in bytes of text.
const TEXT_BYTES_MIN: u64 = 1 << 20;
/// Bytes of text for each byte of the file. Ordinary documents have less than ten.
const TEXT_BYTES_PER_FILE_BYTE: u64 = 50;

/// The most text that is stored of one file, in bytes. The rows of its pages count too.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextLimit {
    pub bytes: u64,
}

impl TextLimit {
    /// Reads the setting `limits.document-text-bytes-max`.
    pub fn read(from: &mut Settings) -> Self {
        Self { bytes: from.positive("limits.document-text-bytes-max", "COLDBREW_DOCUMENT_TEXT_BYTES_MAX", 64 << 20) }
    }

    /// The limit for a file of that size.
    #[must_use]
    pub fn of(self, upload: &Upload) -> Self {
        let bytes = upload.kept_bytes.saturating_mul(TEXT_BYTES_PER_FILE_BYTE).max(TEXT_BYTES_MIN);
        Self { bytes: bytes.min(self.bytes) }
    }

    /// The rest of the limit when `bytes` are stored already.
    #[must_use]
    pub const fn less(self, bytes: u64) -> Self {
        Self { bytes: self.bytes.saturating_sub(bytes) }
    }

    /// Replaces every page that does not fit with a failed page without text.
    pub fn keep(self, pages: BoxStream<'_, Result<Page>>) -> BoxStream<'_, Result<Page>> {
        let mut left = self.bytes;
        pages
            .map_ok(move |page| {
                let bytes = ROW_BYTES + page.markdown.len() as u64;
                match left.checked_sub(bytes) {
                    Some(rest) => {
                        left = rest;
                        page
                    }
                    None => Page { markdown: String::new(), failure: Some(self.reason()), note: None, ..page },
                }
            })
            .boxed()
    }

    fn reason(self) -> String {
        let most = size_words(self.bytes);
        format!("This page was left out: at most {most} of text is stored for a file of this size.")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::executor::block_on;
    use futures::stream;

    use super::*;
    use crate::model::wire::Metadata;

    fn upload(kept_bytes: u64) -> Upload {
        let metadata = Metadata {
            content_type: String::new(),
            total_pages: 1,
            title: String::new(),
            file_name: None,
            file_size: 1,
            url: None,
        };
        let name = String::new;
        Upload { hash: name(), account_id: name(), content_hash: name(), metadata, kept_bytes, page_tokens: Vec::new() }
    }

    #[test]
    fn limit_grows_with_file_size_up_to_the_setting() {
        let limit = TextLimit { bytes: 64 << 20 };
        assert_eq!(limit.of(&upload(14_000)).bytes, 1 << 20);
        assert_eq!(limit.of(&upload(100_000)).bytes, 5_000_000);
        assert_eq!(limit.of(&upload(1 << 30)).bytes, 64 << 20);
        assert_eq!(TextLimit { bytes: 10 }.of(&upload(14_000)).bytes, 10);
    }

    #[test]
    fn page_beyond_limit_fails_and_later_smaller_page_is_stored() {
        let page = |index, bytes| Page { index, markdown: "x".repeat(bytes), failure: None, note: None };
        let pages = [page(0, 100), page(1, 1_000), page(2, 100)].map(Ok);
        let limit = TextLimit { bytes: 2 * (ROW_BYTES + 100) };
        let kept: Vec<Page> = block_on(limit.keep(stream::iter(pages).boxed()).try_collect()).unwrap();
        assert_eq!(kept.iter().map(|page| page.markdown.len()).collect::<Vec<_>>(), [100, 0, 100]);
        assert_eq!(kept.iter().map(|page| page.failure.is_some()).collect::<Vec<_>>(), [false, true, false]);
    }
}
