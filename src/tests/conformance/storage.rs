//! Stored bytes: everything stored counts, deletion subtracts it, and an allowance can be used up exactly once.

use std::collections::BTreeMap;

use coldbrew::accounts::Allowance;
use coldbrew::accounts::ROW_BYTES;
use coldbrew::documents::NewDocument;
use coldbrew::error::Result;
use coldbrew::model::ErrorCode;
use coldbrew::model::wire::Page;
use coldbrew::uploads::FoundFigures;
use coldbrew_pdf::figures::{Bounds, Figure};
use futures::future::join_all;
use futures::stream;

use super::*;

conform!(
    stored_bytes_count_every_kind_and_drop_on_deletion,
    document_stored_again_returns_the_existing_one,
    document_of_cached_pages_replaces_only_one_with_failed_pages,
    allowance_exceeded_stores_nothing,
    uploads_at_once_share_one_allowance,
    documents_at_once_share_one_allowance,
    jobs_at_once_share_one_allowance,
    results_are_stored_beyond_the_allowance,
    stored_bytes_equal_the_rows_after_any_operations,
);

impl Stores {
    async fn stored(&self) -> u64 {
        self.storage.account_usage("a").await.unwrap().stored_bytes
    }

    /// Stores a document, and returns the id under which it exists.
    async fn store(&self, document: &NewDocument, allowance: &Allowance, pages: &[Page]) -> Result<String> {
        let pages = stream::iter(pages.to_vec()).map(Ok).boxed();
        self.documents.insert_document(document, pages, allowance, NOW).await
    }
}

fn page(index: u32, markdown: &str) -> Page {
    Page { index, markdown: markdown.to_owned(), failure: None, note: None }
}

/// A document with this title and content.
fn document(name: &str, content: &str) -> NewDocument {
    NewDocument {
        id: format!("document {name}"),
        account_id: "a".into(),
        upload_hash: format!("upload {content}"),
        content_hash: format!("content {content}"),
        title: name.to_owned(),
        mode: Mode::Text,
        pages: PageSet::all(2),
    }
}

fn found(picture_bytes: u64) -> FoundFigures {
    let figure = Figure { bounds: Bounds::new(0.1, 0.1, 0.4, 0.4), row: None, width_px: 30, height_px: 20 };
    FoundFigures { figures: Some(vec![figure]), picture_bytes, own: None }
}

fn code<T>(result: Result<T>) -> Option<ErrorCode> {
    result.err().map(|error| error.public().code)
}

async fn stored_bytes_count_every_kind_and_drop_on_deletion(stores: Stores) {
    let account = stores.account("a").await;
    let one = upload(&account, "one");
    stores.uploads.insert_upload(&one, &UNLIMITED, NOW).await.unwrap();
    let of_upload = stores.stored().await;
    assert!((12_345 + ROW_BYTES..13_000).contains(&of_upload), "{of_upload}");
    let again = Upload { hash: "again".into(), kept_bytes: 12_000, ..one.clone() };
    stores.uploads.insert_upload(&again, &UNLIMITED, NOW).await.unwrap();
    assert_eq!(stores.stored().await, 2 * of_upload - 12_345, "the file is stored once");
    stores.uploads.remove_upload(&again, NOW).await.unwrap();
    stores.uploads.remove_upload(&again, NOW).await.unwrap();
    assert_eq!(stores.stored().await, of_upload);

    let job = stores.claimed(&account, "one").await;
    let before = stores.stored().await;
    let draft = NewDocument { id: job.document_id.clone(), ..document("draft", "one") };
    assert!(stores.documents.begin_draft(&draft, NOW).await.unwrap());
    let pages = [page(0, "Plain."), page(1, "Text.")];
    for _ in 0..2 {
        assert!(stores.documents.extend_draft("a", &draft.id, &pages).await.unwrap());
    }
    let of_draft = 3 * ROW_BYTES + "draftPlain.Text.".len() as u64;
    assert_eq!(stores.stored().await, before + of_draft);
    assert_eq!(stores.documents.text_bytes("a", &draft.id).await.unwrap(), of_draft);
    assert_eq!(stores.documents.text_bytes("b", &draft.id).await.unwrap(), 0);
    for picture_bytes in [9_000, 5_000] {
        stores.figures.record_figures("a", "content one", &BTreeMap::from([(0, found(picture_bytes))])).await.unwrap();
    }
    let of_figures = stores.stored().await - before - of_draft;
    assert!((5_000 + ROW_BYTES..6_000).contains(&of_figures), "{of_figures}");
    for text in ["First.", "Once more."] {
        assert!(stores.jobs.record_page(&job, &read(0, text, 1), NOW).await.unwrap());
    }
    let of_result = ROW_BYTES + "First.".len() as u64;
    assert_eq!(stores.stored().await, before + of_draft + of_figures + of_result);

    assert_eq!(stores.complete(&job, vec![read(1, "Second.", 1)]).await, Completion::Stored);
    let missing = stores.documents.pages("a", &job.document_id, 2, 1).await.unwrap().remove(0).failure.unwrap();
    let of_results = 2 * ROW_BYTES + "First.Second.".len() as u64;
    let of_document = 4 * ROW_BYTES + ("Book one1-3First.Second.".len() + missing.len()) as u64;
    assert_eq!(stores.stored().await, before + of_figures + of_results + of_document);

    assert!(stores.documents.delete_document("a", &job.document_id, NOW).await.unwrap());
    assert_eq!(stores.figures.figures("a", &job.content_hash).await.unwrap().len(), 0);
    assert_eq!(stores.stored().await, 0);
}

async fn document_stored_again_returns_the_existing_one(stores: Stores) {
    stores.account("a").await;
    let first = document("one", "one");
    let store = async |document: NewDocument| stores.store(&document, &UNLIMITED, &[page(0, "Text.")]).await.unwrap();
    assert_eq!(store(first.clone()).await, first.id);
    let stored = stores.stored().await;
    let again = NewDocument { id: "another".into(), ..first.clone() };
    assert_eq!(stores.documents.same_document(&again).await.unwrap(), Some(first.id.clone()));
    assert_eq!(store(again.clone()).await, first.id);
    assert_eq!(stores.stored().await, stored);
    let others = [
        NewDocument { title: "other".into(), id: "1".into(), ..first.clone() },
        NewDocument { pages: PageSet::all(1), id: "2".into(), ..first.clone() },
        NewDocument { mode: Mode::Batch, id: "3".into(), ..first.clone() },
        NewDocument { content_hash: "other".into(), id: "4".into(), ..first.clone() },
    ];
    for other in others {
        assert_eq!(stores.documents.same_document(&other).await.unwrap(), None);
        assert_eq!(store(other.clone()).await, other.id);
    }
    stores.account("b").await;
    let theirs = NewDocument { account_id: "b".into(), id: "5".into(), ..first };
    assert_eq!(store(theirs).await, "5");
    // Of many equal documents stored at once, one exists.
    let many: Vec<_> =
        (0..8).map(|number| NewDocument { id: format!("m{number}"), ..document("many", "one") }).collect();
    let ids = join_all(many.into_iter().map(store)).await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

async fn document_of_cached_pages_replaces_only_one_with_failed_pages(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    assert_eq!(stores.complete(&job, vec![read(0, "First.", 1), read(1, "Second.", 1)]).await, Completion::Stored);
    let wanted = |id: &str| NewDocument {
        id: id.to_owned(),
        title: "Book one".into(),
        mode: Mode::Batch,
        pages: PageSet::all(3),
        ..document("", "one")
    };
    assert_eq!(stores.documents.same_document(&wanted("new")).await.unwrap(), Some(job.document_id.clone()));
    let retry = Job { id: "again".into(), document_id: "other".into(), pages: [2].into_iter().collect(), ..job };
    stores.accept(&account, &retry, 1).await;
    let retry = stores.claim(NOW).await.unwrap();
    assert_eq!(stores.complete(&retry, vec![read(2, "Third.", 1)]).await, Completion::Stored);
    let make = async |id| stores.documents.insert_from_cache(&wanted(id), "model/1", &UNLIMITED, NOW).await.unwrap();
    assert_eq!(make("whole").await, "whole", "the existing document lacks a page");
    assert_eq!(make("once more").await, "whole");
}

async fn allowance_exceeded_stores_nothing(stores: Stores) {
    let account = stores.account("a").await;
    let one = upload(&account, "one");
    stores.uploads.insert_upload(&one, &UNLIMITED, NOW).await.unwrap();
    let held = stores.stored().await;
    let two = upload(&account, "two");
    let tight = Allowance { stored_bytes: 2 * held - 1, ..UNLIMITED };
    assert_eq!(code(stores.uploads.insert_upload(&two, &tight, NOW).await), Some(ErrorCode::LimitReached));
    assert_eq!((stores.stored().await, stores.uploads.upload("a", &two.hash).await.unwrap()), (held, None));

    let text = document("text", "one");
    let bytes = 2 * ROW_BYTES + "text1-2Words.".len() as u64;
    let tight = Allowance { stored_bytes: held + bytes - 1, ..UNLIMITED };
    assert_eq!(code(stores.store(&text, &tight, &[page(0, "Words.")]).await), Some(ErrorCode::LimitReached));
    assert_eq!((stores.stored().await, stores.documents.document("a", &text.id).await.unwrap()), (held, None));
    let enough = Allowance { stored_bytes: held + bytes, documents: 1, ..UNLIMITED };
    assert_eq!(code(stores.store(&text, &enough, &[page(0, "Words.")]).await), None);
    assert_eq!(code(stores.store(&document("more", "one"), &enough, &[]).await), Some(ErrorCode::LimitReached));
    assert_eq!(code(stores.store(&text, &enough, &[]).await), None, "the document exists already");

    let full = Allowance { documents: 1, ..UNLIMITED };
    assert_eq!(
        code(stores.jobs.accept(&job(&account, "one"), 1, &account, 0, &full).await),
        Some(ErrorCode::LimitReached)
    );
    let fills = Job { document_id: text.id, ..job(&account, "one") };
    assert_eq!(stores.jobs.accept(&fills, 1, &account, 0, &full).await.unwrap(), Acceptance::Accepted);
}

async fn uploads_at_once_share_one_allowance(stores: Stores) {
    let account = stores.account("a").await;
    let allowance = Allowance { stored_bytes: 50_000, ..UNLIMITED };
    let uploads: Vec<_> = (0..16).map(|number| upload(&account, &number.to_string())).collect();
    let stored = join_all(uploads.iter().map(|upload| stores.uploads.insert_upload(upload, &allowance, NOW))).await;
    assert_eq!(stored.iter().filter(|stored| stored.is_ok()).count(), 3);
    assert!(stores.stored().await <= 50_000);
}

async fn documents_at_once_share_one_allowance(stores: Stores) {
    stores.account("a").await;
    let allowance = Allowance { documents: 5, ..UNLIMITED };
    let documents: Vec<_> = (0..16).map(|number| document(&number.to_string(), "one")).collect();
    let stored = join_all(documents.iter().map(|document| stores.store(document, &allowance, &[]))).await;
    assert_eq!(stored.iter().filter(|stored| stored.is_ok()).count(), 5);
}

async fn jobs_at_once_share_one_allowance(stores: Stores) {
    let account = stores.account("a").await;
    let jobs: Vec<_> = (0..16).map(|number| job(&account, &number.to_string())).collect();
    for number in 0..16 {
        stores.uploads.insert_upload(&upload(&account, &number.to_string()), &UNLIMITED, NOW).await.unwrap();
    }
    let allowance = Allowance { active_jobs: 4, ..UNLIMITED };
    let accepted = join_all(jobs.iter().map(|job| stores.jobs.accept(job, 1, &account, 0, &allowance))).await;
    assert_eq!(accepted.iter().filter(|accepted| accepted.is_ok()).count(), 4);
    let usage = stores.storage.account_usage("a").await.unwrap();
    assert_eq!((usage.active_jobs, usage.active_pages), (4, 12));
}

async fn results_are_stored_beyond_the_allowance(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let text = "x".repeat(100_000);
    assert_eq!(stores.complete(&job, vec![read(0, &text, 1)]).await, Completion::Stored);
    let allowance = Allowance { stored_bytes: 100_000, ..UNLIMITED };
    assert!(stores.stored().await > 200_000);
    let more = stores.uploads.insert_upload(&upload(&account, "two"), &allowance, NOW).await;
    assert_eq!(code(more), Some(ErrorCode::LimitReached));
}

/// The in-memory double computes the bytes anew each time. Both stores have the same bytes after each operation.
async fn stored_bytes_equal_the_rows_after_any_operations(stores: Stores) {
    let model = Stores::memory();
    for seed in 1..=6 {
        let mut random = Random(seed);
        for stores in [&stores, &model] {
            stores.accounts.delete_account("a", NOW).await.unwrap();
            stores.account("a").await;
        }
        for number in 100 * seed..100 * seed + 60 {
            let step =
                Step { number, kind: random.below(8), name: random.below(3).to_string(), size: random.below(500) };
            step.take(&stores).await;
            step.take(&model).await;
            assert_eq!(stores.stored().await, model.stored().await, "seed {seed}, after {step:?}");
        }
    }
}

/// Pseudo-random numbers, the same in each run.
struct Random(usize);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[derive(Debug)]
struct Step {
    number: usize,
    kind: usize,
    /// The name of the content.
    name: String,
    size: usize,
}

impl Step {
    /// Executes the step if it is possible.
    async fn take(&self, stores: &Stores) {
        let account = Account { id: "a".into(), email: None, quota_tokens: Some(u64::MAX) };
        let Self { number, name, .. } = self;
        let text = "é".repeat(self.size);
        let file = Upload { hash: format!("{name} {number}"), kept_bytes: self.size as u64, ..upload(&account, name) };
        let made = document(&format!("{number}"), name);
        match self.kind {
            0 => assert!(stores.uploads.insert_upload(&file, &UNLIMITED, NOW).await.unwrap()),
            1 => drop(stores.store(&made, &UNLIMITED, &[page(0, &text), page(0, "twice"), page(1, "")]).await.unwrap()),
            2 => {
                let job = Job { id: format!("{number}"), upload_hash: file.hash.clone(), ..job(&account, name) };
                // Each job is due at another time, so that both stores claim the same one.
                let due_at = NOW.plus(*number as i64);
                let job = Job { document_id: format!("{name} {}", number % 4), due_at, ..job };
                stores.uploads.insert_upload(&file, &UNLIMITED, NOW).await.unwrap();
                stores.clock.set(job.due_at).await;
                drop(stores.jobs.accept(&job, 0, &account, 0, &UNLIMITED).await);
            }
            3 => {
                for view in stores.jobs.open_jobs("a").await.unwrap() {
                    let draft = NewDocument { id: view.draft_id, ..made.clone() };
                    stores.documents.begin_draft(&draft, NOW).await.unwrap();
                    stores.documents.extend_draft("a", &draft.id, &[page(self.size as u32 % 4, &text)]).await.unwrap();
                }
            }
            4 => {
                let content = format!("content {name}");
                let pages = BTreeMap::from([
                    (0, found(self.size as u64)),
                    (1, FoundFigures { figures: None, picture_bytes: 0, own: None }),
                ]);
                stores.figures.record_figures("a", &content, &pages).await.unwrap();
            }
            5 => {
                for job in stores.claim_many(Lane::Local, 1, NOW.plus(*number as i64 * 10 * LEASE_MS)).await {
                    stores.jobs.record_page(&job, &read(self.size as u32 % 3, &text, 1), NOW).await.unwrap();
                }
            }
            6 => {
                for job in stores.claim_many(Lane::Local, 1, NOW.plus(*number as i64 * 10 * LEASE_MS)).await {
                    if stores.complete(&job, vec![read(0, &text, 1), failed_page(1, "It is damaged.")]).await
                        != Completion::Stored
                    {
                        stores.jobs.advance(&at(&job, failed()), 0, None, NOW).await.unwrap();
                    }
                }
            }
            _ => {
                if let Some(document) = stores.documents.documents("a", None, 9).await.unwrap().get(self.size % 9) {
                    stores.documents.delete_document("a", &document.id, NOW).await.unwrap();
                }
            }
        }
    }
}
