//! Reading a document: title, pages, text, lengths and single pages. Files that are refused.

use coldbrew_pdf::testing::{bookmarked_pdf, encrypted_pdf, pdf_from_contents, shared_pictures_pdf, simple_pdf};
use coldbrew_pdf::{DocumentFault, Engine, EngineConfig, PageFault, PdfError, Priority};

use crate::harness::{LINE, config, engine, open, requester};

#[tokio::test]
async fn document_opened_has_title_pages_and_text() {
    let engine = engine();
    let contents = ["BT /F1 12 Tf 72 700 Td (First <page>) Tj ET", "BT /F1 12 Tf 72 700 Td (Second) Tj ET"];
    let (_folder, document) = open(&engine, &pdf_from_contents(&contents, "/Title (The Title)")).await;
    let document = document.unwrap();
    assert_eq!(document.info().total_pages, 2);
    assert_eq!(document.info().title.as_deref(), Some("The Title"));
    assert_eq!(document.text(0).await.unwrap().markdown, "First &lt;page>");
    assert_eq!(document.text(1).await.unwrap().markdown, "Second");
    assert!(matches!(document.text(2).await, Err(PdfError::Page { index: 2, reason: PageFault::OutOfRange })));
}

#[tokio::test]
async fn labels_and_bookmarks_are_those_of_the_file() {
    let engine = engine();
    let pdf = bookmarked_pdf(&["one", "two", "three"], &[("Part", 1, 0), ("Chapter", 2, 2)]);
    let (_folder, document) = open(&engine, &pdf).await;
    let document = document.unwrap();
    assert_eq!(document.labels().await.unwrap(), ["i", "ii", "1"]);
    let bookmarks = document.bookmarks().await.unwrap();
    let found: Vec<_> = bookmarks.iter().map(|found| (found.title.as_str(), found.level, found.page)).collect();
    assert_eq!(found, [("Part", 1, Some(0)), ("Chapter", 2, Some(2))]);
    let (_folder, plain) = open(&engine, &simple_pdf(&["one"])).await;
    assert!(plain.unwrap().labels().await.unwrap().is_empty());
}

#[tokio::test]
async fn page_split_is_a_document_of_that_page_alone() {
    let engine = engine();
    let (_folder, document) = open(&engine, &simple_pdf(&["one", "two", "three"])).await;
    let page = document.unwrap().split(1).await.unwrap();
    assert_eq!(engine.read_pages(&page, &requester()).await.unwrap()[0].markdown, "two");
    let (_folder, single) = open(&engine, &page).await;
    assert_eq!(single.unwrap().info().total_pages, 1);
}

#[tokio::test]
async fn page_split_leaves_the_pictures_of_other_pages_behind() {
    let engine = engine();
    let pdf = shared_pictures_pdf(4, 900);
    assert!(pdf.len() > 6 << 20);
    let (folder, document) = open(&engine, &pdf).await;
    let document = document.unwrap();
    let path = folder.path().join("page");
    for page in 0..4 {
        let split = document.split(page).await.unwrap();
        assert!(split.len() < pdf.len() / 2, "{}", split.len());
        std::fs::write(&path, split).unwrap();
        let picture =
            image::load_from_memory(&engine.page_picture(&path, 0, &requester()).await.unwrap()).unwrap().to_luma8();
        let level = picture.pixels().map(|pixel| u64::from(pixel.0[0])).sum::<u64>() / picture.pixels().len() as u64;
        assert!(level.abs_diff(u64::from(page) * 48 + 7) < 5, "the picture of this page: {level}");
    }
}

#[tokio::test]
async fn lengths_of_pages_count_characters_and_mark_scans() {
    let engine = engine();
    let line = format!("BT /F1 12 Tf 72 770 Td ({LINE}) Tj ET");
    let drawing = "72 72 200 300 re f";
    let numbered = format!("{drawing} BT /F1 12 Tf 72 40 Td (7) Tj ET");
    let pdf = pdf_from_contents(&[&line, "", drawing, &numbered], "");
    let (_folder, document) = open(&engine, &pdf).await;
    let document = document.unwrap();
    let lengths = document.text_lengths(0..4).await.unwrap();
    let found: Vec<_> = lengths.iter().flatten().map(|length| (length.chars_visible, length.is_scan)).collect();
    assert_eq!(found, [(40, false), (0, false), (0, true), (1, true)]);
    assert_eq!(document.text(0).await.unwrap().chars_visible, 40);
    assert_eq!(document.text_lengths(1..4).await.unwrap(), lengths[1..]);
}

#[tokio::test]
async fn file_without_its_table_is_read() {
    let engine = engine();
    let sound = simple_pdf(&["one", "two"]);
    let end = sound.windows(5).position(|bytes| bytes == b"xref\n").unwrap();
    let (_folder, document) = open(&engine, &sound[..end]).await;
    let document = document.unwrap();
    assert_eq!(document.info().total_pages, 2);
    assert_eq!(document.text(1).await.unwrap().markdown, "two");
    assert!(document.split(1).await.is_ok());
}

#[tokio::test]
async fn file_that_is_no_readable_pdf_is_refused_with_the_reason() {
    let engine = engine();
    let refusal = async |pdf: &[u8]| open(&engine, pdf).await.1.unwrap_err();
    assert!(matches!(
        refusal(b"Just text, whatever its name says.").await,
        PdfError::Document(DocumentFault::Unreadable)
    ));
    assert!(matches!(refusal(b"").await, PdfError::Document(DocumentFault::Unreadable)));
    assert!(matches!(
        refusal(&simple_pdf(&["cut off"])[..80]).await,
        PdfError::Document(DocumentFault::Unreadable | DocumentFault::Empty)
    ));
    assert!(matches!(refusal(&encrypted_pdf()).await, PdfError::Document(DocumentFault::Encrypted)));
    assert!(matches!(refusal(&simple_pdf(&[])).await, PdfError::Document(DocumentFault::Empty)));
    assert!(matches!(engine.open("/nonexistent", Priority::Interactive, &requester()).await, Err(PdfError::Io(_))));
}

#[tokio::test]
async fn document_with_too_many_pages_is_refused() {
    let engine = Engine::new(EngineConfig { pages_max: 2, ..config() }).unwrap();
    let (_folder, document) = open(&engine, &simple_pdf(&["1", "2", "3"])).await;
    assert!(matches!(document, Err(PdfError::Document(DocumentFault::TooManyPages { pages: 3, pages_max: 2 }))));
}

#[tokio::test]
async fn page_read_after_a_bad_one_is_read() {
    let engine = engine();
    for _ in 0..3 {
        assert_eq!(engine.read_pages(&simple_pdf(&["good"]), &requester()).await.unwrap()[0].markdown, "good");
        assert!(matches!(
            engine.read_pages(b"bad", &requester()).await,
            Err(PdfError::Document(DocumentFault::Unreadable))
        ));
    }
}
