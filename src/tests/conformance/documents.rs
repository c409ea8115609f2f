//! Documents: stored completely or not at all, visible to their owner only, and deleted completely except for the receipt.

use coldbrew::documents::NewDocument;
use coldbrew::documents::structure::{Guide, Guides, Scan, StoredStructure};
use coldbrew::model::wire::Page;
use futures::future::join_all;
use futures::stream;

use super::*;

conform!(
    document_stored_is_read_back_unchanged,
    documents_are_listed_newest_first,
    document_of_cached_pages_is_complete_or_not_made,
    document_of_another_account_is_not_found,
    draft_exists_only_while_its_job_is_active,
    outline_of_a_draft_matches_its_pages,
    structure_is_kept_until_the_pages_change,
    last_document_deleted_deletes_its_content,
    document_deleted_during_a_job_keeps_the_jobs_content,
    deletions_at_once_delete_the_content,
);

fn page(index: u32, markdown: &str) -> Page {
    Page { index, markdown: markdown.to_owned(), failure: None, note: None }
}

fn document(account: &Account, name: &str) -> NewDocument {
    NewDocument {
        id: format!("document {name}"),
        account_id: account.id.clone(),
        upload_hash: "upload one".into(),
        content_hash: "content one".into(),
        title: format!("Book {name}"),
        mode: Mode::Text,
        pages: PageSet::all(3),
    }
}

impl Stores {
    async fn insert(&self, document: &NewDocument, pages: &[Page]) {
        let pages = stream::iter(pages.to_vec()).map(Ok).boxed();
        self.documents.insert_document(document, pages, &UNLIMITED, NOW).await.unwrap();
    }
}

async fn document_stored_is_read_back_unchanged(stores: Stores) {
    let account = stores.account("a").await;
    let failed = Page { failure: Some("It is damaged.".into()), ..page(4, "") };
    let noted = Page { note: Some("It was cut off.".into()), ..page(7, "Höhe: ½ m, 𝛼 ≤ 1") };
    let (stored, stored_pages) = (document(&account, "one"), [page(0, "# Title"), failed, noted]);
    stores.insert(&stored, &stored_pages).await;
    let summary = stores.documents.document(&account.id, &stored.id).await.unwrap().unwrap();
    assert_eq!((summary.title.as_str(), summary.mode, summary.created_at), ("Book one", Mode::Text, NOW));
    assert_eq!((summary.pages, summary.failed_pages, summary.charged_tokens), (3, 1, 0));
    let pages = async |first, limit| stores.documents.pages(&account.id, &stored.id, first, limit).await.unwrap();
    assert_eq!(pages(0, 10).await, stored_pages);
    assert_eq!(pages(1, 1).await, stored_pages[1..2]);
    assert_eq!(pages(4, 10).await, stored_pages[1..]);
    assert!(pages(8, 10).await.is_empty());
}

async fn documents_are_listed_newest_first(stores: Stores) {
    let account = stores.account("a").await;
    for name in ["1", "3", "2"] {
        stores.insert(&document(&account, name), &[]).await;
    }
    let ids = async |cursor, limit| {
        let found = stores.documents.documents(&account.id, cursor, limit).await.unwrap();
        found.into_iter().map(|document| document.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 2).await, ["document 3", "document 2"]);
    assert_eq!(ids(Some("document 2"), 2).await, ["document 1"]);
}

async fn document_of_cached_pages_is_complete_or_not_made(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    for result in [read(0, "First.", 10), read(1, "Second.", 10)] {
        assert!(stores.jobs.record_page(&job, &result, NOW).await.unwrap());
    }
    let make = async |name, pages: u32| {
        let document = NewDocument { pages: PageSet::all(pages), ..document(&account, name) };
        stores.documents.insert_from_cache(&document, "model/1", &UNLIMITED, NOW).await
    };
    make("whole", 2).await.unwrap();
    assert!(make("lacking", 3).await.is_err());
    let documents = stores.documents.documents(&account.id, None, 10).await.unwrap();
    assert_eq!(
        documents.iter().map(|document| (document.id.as_str(), document.pages)).collect::<Vec<_>>(),
        [("document whole", 2)]
    );
}

async fn document_of_another_account_is_not_found(stores: Stores) {
    let (owner, stranger) = (stores.account("a").await, stores.account("b").await);
    let stored = document(&owner, "one");
    stores.insert(&stored, &[page(0, "# Title")]).await;
    assert!(stores.documents.document(&stranger.id, &stored.id).await.unwrap().is_none());
    assert!(stores.documents.pages(&stranger.id, &stored.id, 0, 10).await.unwrap().is_empty());
    assert!(stores.documents.outline(&stranger.id, &stored.id).await.unwrap().is_none());
    let of = stores.documents.document(&owner.id, &stored.id).await.unwrap().unwrap();
    stores.documents.keep_structure(&stranger.id, &of, &structure(1)).await.unwrap();
    assert!(stores.documents.structure(&owner.id, &stored.id).await.unwrap().is_none());
    stores.documents.keep_structure(&owner.id, &of, &structure(1)).await.unwrap();
    assert!(stores.documents.structure(&stranger.id, &stored.id).await.unwrap().is_none());
    assert!(stores.documents.documents(&stranger.id, None, 10).await.unwrap().is_empty());
    assert!(!stores.documents.delete_document(&stranger.id, &stored.id, NOW).await.unwrap());
    assert!(stores.documents.document(&owner.id, &stored.id).await.unwrap().is_some());
}

async fn draft_exists_only_while_its_job_is_active(stores: Stores) {
    let (account, stranger) = (stores.account("a").await, stores.account("b").await);
    let draft_of = |job: &Job| NewDocument { id: job.document_id.clone(), ..document(&account, "draft") };
    let begin = async |job: &Job| stores.documents.begin_draft(&draft_of(job), NOW.plus(-5)).await.unwrap();
    let extend = async |job: &Job, pages: &[Page]| {
        stores.documents.extend_draft(&job.account_id, &job.document_id, pages).await.unwrap()
    };
    let found = async |job: &Job| stores.documents.document(&account.id, &job.document_id).await.unwrap();
    let job = stores.claimed(&account, "one").await;
    assert!(!extend(&job, &[page(0, "Plain.")]).await, "the draft does not exist yet");
    assert!(begin(&job).await && begin(&job).await, "a second start changes nothing");
    assert!(extend(&job, &[page(2, "Plain.")]).await && begin(&job).await);
    assert!(extend(&job, &[page(0, "Plain."), page(1, ""), page(2, "Twice.")]).await);
    let texts = stores.documents.pages(&account.id, &job.document_id, 0, 3).await.unwrap();
    assert_eq!(texts.iter().map(|page| page.markdown.as_str()).collect::<Vec<_>>(), ["Plain.", "", "Plain."]);
    assert_eq!(stores.documents.page_indices(&account.id, &job.document_id).await.unwrap(), [0, 1, 2]);
    let draft = found(&job).await.unwrap();
    assert!(draft.is_draft && draft.pages == 3 && draft.charged_tokens == 0);
    assert!(stores.documents.documents(&account.id, None, 10).await.unwrap().is_empty(), "drafts are not listed");
    assert!(stores.documents.unread(&account.id, &job.document_id).await.unwrap().is_none());
    let filling = stores.jobs.filling(&account.id, &job.document_id).await.unwrap().unwrap();
    assert_eq!((filling.draft_id, filling.document_id), (job.document_id.clone(), None));
    assert!(stores.jobs.filling(&stranger.id, &job.document_id).await.unwrap().is_none());
    let theirs = NewDocument { account_id: stranger.id.clone(), ..draft_of(&job) };
    assert!(!stores.documents.begin_draft(&theirs, NOW).await.unwrap(), "the job belongs to another account");
    assert!(!stores.documents.extend_draft(&stranger.id, &job.document_id, &[page(0, "Mine.")]).await.unwrap());

    // The draft's text stays in the finished document where no page was read.
    assert_eq!(stores.complete(&job, vec![read(0, "Fine.", 10), failed_page(1, "Blocked.")]).await, Completion::Stored);
    let made = found(&job).await.unwrap();
    assert_eq!((made.is_draft, made.pages, made.failed_pages, made.created_at), (false, 3, 2, NOW));
    let texts = stores.documents.pages(&account.id, &job.document_id, 0, 3).await.unwrap();
    assert_eq!(
        texts.iter().map(|page| page.markdown.as_str()).collect::<Vec<_>>(),
        ["Fine.", "Its own text.", "Plain."]
    );
    assert!(!begin(&job).await && !extend(&job, &[page(1, "Late.")]).await, "the job has ended");
    assert_eq!(stores.documents.pages(&account.id, &job.document_id, 1, 1).await.unwrap()[0].markdown, "Its own text.");

    let job = stores.claimed(&account, "two").await;
    assert!(begin(&job).await && extend(&job, &[page(0, "Plain.")]).await);
    assert!(stores.documents.delete_document(&account.id, &job.document_id, NOW).await.unwrap());
    assert!(!extend(&job, &[page(1, "Late.")]).await, "the user has deleted the draft");
    assert!(begin(&job).await);
    assert!(stores.jobs.advance(&at(&job, failed()), 0, None, NOW).await.unwrap());
    assert!(found(&job).await.is_none(), "the draft ends with its job");
    assert!(!begin(&job).await && !extend(&job, &[page(0, "Late.")]).await);
}

/// A structure that a version of the program derived.
fn structure(version: u32) -> StoredStructure {
    let guide = Guide { title: "Höhe".into(), level: 2, page: Some(3) };
    let guides = Guides { bookmarks: vec![guide], labels: Some(vec!["i".into()]) };
    let mut scan = Scan::default();
    scan.push(0, "# Höhe\n\n12");
    StoredStructure { version, structure: scan.structure(&guides), guides }
}

async fn outline_of_a_draft_matches_its_pages(stores: Stores) {
    let account = stores.account("a").await;
    // A draft's pages arrive in any order.
    let job = stores.claimed(&account, "one").await;
    let draft = NewDocument { id: job.document_id.clone(), ..document(&account, "draft") };
    assert!(stores.documents.begin_draft(&draft, NOW).await.unwrap());
    for pages in [[page(1, "# B"), page(2, "C")], [page(0, "# A"), page(1, "# Twice")]] {
        assert!(stores.documents.extend_draft(&account.id, &draft.id, &pages).await.unwrap());
    }
    let outline = stores.documents.outline(&account.id, &draft.id).await.unwrap().unwrap().into_entries();
    assert_eq!(outline.iter().map(|entry| (entry.text.as_str(), entry.page)).collect::<Vec<_>>(), [("A", 0), ("B", 1)]);
    let of = stores.documents.document(&account.id, &draft.id).await.unwrap().unwrap();
    stores.documents.keep_structure(&account.id, &of, &structure(1)).await.unwrap();
    assert!(stores.documents.structure(&account.id, &draft.id).await.unwrap().is_none(), "a draft has no structure");
}

async fn structure_is_kept_until_the_pages_change(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    assert_eq!(stores.complete(&job, vec![read(0, "# First", 10)]).await, Completion::Stored);
    let id = job.document_id.as_str();
    let stored = async || stores.documents.structure(&account.id, id).await.unwrap();
    let of = stores.documents.document(&account.id, id).await.unwrap().unwrap();
    assert_eq!(stored().await, None);
    for version in [1, 2] {
        stores.documents.keep_structure(&account.id, &of, &structure(version)).await.unwrap();
        assert_eq!(stored().await, Some(structure(version)));
    }
    // A later job reads another page.
    let later = Job { id: "again".into(), ..super::job(&account, "one") };
    assert_eq!(stores.accept(&account, &later, 100).await, Acceptance::Accepted);
    let again = stores.claim(NOW).await.unwrap();
    assert_eq!(stores.complete(&again, vec![read(1, "# Second", 10)]).await, Completion::Stored);
    assert_eq!(stored().await, None, "the pages have changed");
    stores.documents.keep_structure(&account.id, &of, &structure(3)).await.unwrap();
    assert_eq!(stored().await, None, "it was derived from the pages before");
}

async fn last_document_deleted_deletes_its_content(stores: Stores) {
    let account = stores.account("a").await;
    stores.uploads.insert_upload(&upload(&account, "one"), &UNLIMITED, NOW).await.unwrap();
    let job = stores.claimed(&account, "one").await;
    assert_eq!(stores.complete(&job, vec![read(0, "First.", 10)]).await, Completion::Stored);
    stores.insert(&document(&account, "two"), &[]).await;
    let delete = async |id| stores.documents.delete_document(&account.id, id, NOW).await.unwrap();
    let left = async || {
        let upload = stores.uploads.upload(&account.id, "upload one").await.unwrap();
        let cached = stores.uploads.cached_pages(&account.id, "content one", "model/1").await.unwrap();
        (upload.is_some(), cached.len())
    };
    assert!(delete("document two").await);
    assert_eq!(left().await, (true, 1));
    assert!(stores.uploads.has_content(&account.id, "content one").await.unwrap());
    assert!(delete(&job.document_id).await);
    assert!(!stores.uploads.has_content(&account.id, "content one").await.unwrap());
    assert!(!delete(&job.document_id).await, "there is no such document any more");
    assert_eq!(left().await, (false, 0));
    assert!(stores.documents.pages(&account.id, &job.document_id, 0, 10).await.unwrap().is_empty());
    assert_eq!(stores.used_and_reserved(&account).await, (10, 0), "the ledger is kept");
    assert_eq!(stores.accounts.receipts(&account.id).await.unwrap().len(), 1);
}

async fn document_deleted_during_a_job_keeps_the_jobs_content(stores: Stores) {
    let account = stores.account("a").await;
    stores.uploads.insert_upload(&upload(&account, "one"), &UNLIMITED, NOW).await.unwrap();
    stores.insert(&document(&account, "text"), &[]).await;
    let job = stores.claimed(&account, "one").await;
    assert!(stores.jobs.record_page(&job, &read(0, "First.", 10), NOW).await.unwrap());
    assert!(stores.documents.delete_document(&account.id, "document text", NOW).await.unwrap());
    assert!(stores.uploads.upload(&account.id, "upload one").await.unwrap().is_some());
    assert_eq!(stores.complete(&job, vec![read(1, "Second.", 10)]).await, Completion::Stored);
    assert_eq!(stores.documents.pages(&account.id, &job.document_id, 0, 10).await.unwrap()[0].markdown, "First.");
}

async fn deletions_at_once_delete_the_content(stores: Stores) {
    let account = stores.account("a").await;
    let ids: Vec<_> = (0..8).map(|number| format!("document {number}")).collect();
    for number in 0..8 {
        stores.insert(&document(&account, &number.to_string()), &[]).await;
    }
    stores.uploads.insert_upload(&upload(&account, "one"), &UNLIMITED, NOW).await.unwrap();
    let deletions = join_all(ids.iter().map(|id| stores.documents.delete_document(&account.id, id, NOW))).await;
    assert!(deletions.into_iter().all(|done| done.unwrap()));
    assert!(!stores.uploads.has_content(&account.id, "content one").await.unwrap());
    assert_eq!(stores.storage.account_usage(&account.id).await.unwrap().stored_bytes, 0);
}
