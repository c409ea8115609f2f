//! Hostile uploads. `crates/pdf/tests/hostile.rs` tests the page engine itself with them.

use std::path::Path;

use coldbrew_pdf::testing::hostile::{bombs, mutants, pdfs_below, seeds};
use tempfile::TempDir;

pub use coldbrew_pdf::testing::hostile::slow_pdf;
pub use coldbrew_pdf::testing::workers::workers_with;

use crate::support::harness::{TestServer, files_below};

#[tokio::test]
async fn upload_of_bomb_or_mutant_is_answered_and_leaves_no_file() {
    let data = TempDir::new().unwrap();
    let server =
        TestServer::start(&data, &[("COLDBREW_OPEN_TIMEOUT_MS", "2000"), ("COLDBREW_PAGE_TIMEOUT_MS", "2000")]).await;
    let guest = server.guest().await;
    let odd = pdfs_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/odd"));
    for bytes in bombs().into_iter().map(|(_, bytes)| bytes).chain(mutants(seeds(&odd), 12)) {
        let status = guest.upload("book.pdf", bytes).await.status().as_u16();
        assert!([200, 415, 422].contains(&status), "{status}");
    }
    assert_eq!(guest.get("/readyz").await["ready"], true);
    assert_eq!(files_below(&data.path().join("receiving")), 0);
    assert_eq!(guest.upload_pages(3).await["metadata"]["total_pages"], 3);
}
