//! Results: a page is stored and charged once, and a completion stores everything or nothing.

use coldbrew::error::Error;
use coldbrew::model::JobStatus;

use super::*;

conform!(
    page_recorded_twice_is_stored_and_charged_once,
    page_failed_is_free_and_can_be_read_later,
    page_of_a_lost_claim_changes_nothing,
    page_recorded_resets_the_count_of_claims,
    completion_stores_everything_at_once,
    completion_without_a_usable_page_changes_nothing,
    completion_with_failing_results_changes_nothing,
    completion_of_a_lost_claim_changes_nothing,
    completions_at_once_take_effect_once,
    pages_cached_are_used_and_not_charged_again,
    completion_accepts_any_character,
    page_read_again_replaces_its_text_and_is_charged_once,
    page_not_read_again_stays_as_it_was,
    page_read_again_after_its_document_was_deleted_makes_none,
);

async fn page_recorded_twice_is_stored_and_charged_once(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    for text in ["Text.", "Other text."] {
        assert!(stores.jobs.record_page(&job, &read(1, text, 30), NOW).await.unwrap());
    }
    assert_eq!(stores.used_and_reserved(&account).await, (30, 100));
    assert_eq!(stores.jobs.finished_pages(&job).await.unwrap().to_string(), "2");
    assert_eq!(stores.complete(&job, Vec::new()).await, Completion::Stored);
    let pages = stores.documents.pages(&account.id, &job.document_id, 0, 10).await.unwrap();
    assert_eq!(pages[1].markdown, "Text.");
}

async fn page_failed_is_free_and_can_be_read_later(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    assert!(stores.jobs.record_page(&job, &failed_page(0, "It is damaged."), NOW).await.unwrap());
    let view = async || stores.jobs.job(&account.id, &job.id).await.unwrap().unwrap();
    assert_eq!(view().await.failed_pages.to_string(), "1");
    assert_eq!(stores.used_and_reserved(&account).await, (0, 100));
    assert_eq!(stores.jobs.finished_pages(&job).await.unwrap().to_string(), "1");
    assert!(stores.jobs.record_page(&job, &read(0, "Text.", 5), NOW).await.unwrap());
    assert!(view().await.failed_pages.is_empty());
    assert_eq!(view().await.completed_pages, 1);
}

async fn page_of_a_lost_claim_changes_nothing(stores: Stores) {
    let account = stores.account("a").await;
    let late = stores.claimed(&account, "one").await;
    stores.taken_over().await;
    assert!(!stores.jobs.record_page(&late, &read(0, "Text.", 30), NOW).await.unwrap());
    assert!(stores.jobs.finished_pages(&late).await.unwrap().is_empty());
    assert_eq!(stores.used_and_reserved(&account).await, (0, 100));
}

async fn page_recorded_resets_the_count_of_claims(stores: Stores) {
    let account = stores.account("a").await;
    stores.claimed(&account, "one").await;
    let job = stores.taken_over().await;
    assert_eq!(job.claims, 2);
    assert!(stores.jobs.record_page(&job, &read(0, "Text.", 30), NOW).await.unwrap());
    assert_eq!(stores.claim(NOW.plus(2 * LEASE_MS)).await.unwrap().claims, 1);
}

async fn completion_stores_everything_at_once(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let results = vec![
        read(2, "Third.", 30),
        read(0, "First.", 10),
        read(0, "First once more.", 10),
        read(99, "A page of another book.", 1_000),
    ];
    assert_eq!(stores.complete(&job, results).await, Completion::Stored);
    assert_eq!(stores.used_and_reserved(&account).await, (40, 0));
    let view = stores.jobs.latest(&account.id, &job.content_hash).await.unwrap().unwrap();
    assert_eq!((view.status, view.document_id), (JobStatus::Succeeded, Some(job.document_id.clone())));
    let document = stores.documents.document(&account.id, &job.document_id).await.unwrap().unwrap();
    assert_eq!((document.pages, document.failed_pages, document.charged_tokens), (3, 1, 40));
    let pages = stores.documents.pages(&account.id, &job.document_id, 0, 10).await.unwrap();
    assert_eq!(pages.iter().map(|page| page.markdown.as_str()).collect::<Vec<_>>(), ["First.", "", "Third."]);
    assert!(pages[1].failure.is_some() && pages[0].failure.is_none());
    assert!(stores.jobs.active_ids().await.unwrap().is_empty());
}

/// After a failed completion the job is unchanged and none of its results are stored.
async fn assert_untouched(stores: &Stores, account: &Account, job: &Job) {
    assert_eq!(stores.used_and_reserved(account).await, (0, 100));
    assert!(stores.jobs.finished_pages(job).await.unwrap().is_empty());
    assert!(stores.documents.document(&account.id, &job.document_id).await.unwrap().is_none());
    assert_eq!(stores.jobs.active_ids().await.unwrap(), std::slice::from_ref(&job.id));
}

async fn completion_without_a_usable_page_changes_nothing(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let results = vec![failed_page(0, "It was blocked."), failed_page(1, "It was blocked.")];
    assert_eq!(stores.complete(&job, results).await, Completion::NothingUsable);
    assert_untouched(&stores, &account, &job).await;
    assert!(stores.jobs.advance(&at(&job, failed()), 0, None, NOW).await.unwrap(), "the claim is still current");
}

async fn completion_with_failing_results_changes_nothing(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let broken = vec![Ok(read(0, "First.", 10)), Err(Error::unavailable("the disk is unavailable"))];
    let results = futures::stream::iter(broken).boxed();
    assert!(stores.jobs.complete(&at(&job, Stage::Succeeded), results, NOW).await.is_err());
    assert_untouched(&stores, &account, &job).await;
}

async fn completion_of_a_lost_claim_changes_nothing(stores: Stores) {
    let account = stores.account("a").await;
    let late = stores.claimed(&account, "one").await;
    stores.taken_over().await;
    assert_eq!(stores.complete(&late, vec![read(0, "First.", 10)]).await, Completion::Superseded);
    assert_untouched(&stores, &account, &late).await;
}

async fn completions_at_once_take_effect_once(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let complete = || stores.complete(&job, vec![read(0, "First.", 10)]);
    let (one, two) = tokio::join!(complete(), complete());
    assert!([one, two].contains(&Completion::Stored) && [one, two].contains(&Completion::Superseded));
    assert_eq!(stores.used_and_reserved(&account).await, (10, 0));
    assert_eq!(stores.documents.documents(&account.id, None, 10).await.unwrap().len(), 1);
}

async fn pages_cached_are_used_and_not_charged_again(stores: Stores) {
    let account = stores.account("a").await;
    let first = stores.claimed(&account, "one").await;
    assert_eq!(stores.complete(&first, vec![read(0, "First.", 10)]).await, Completion::Stored);
    let again = Job { id: "again".into(), document_id: "document again".into(), ..job(&account, "one") };
    stores.accept(&account, &again, 50).await;
    let again = stores.claim(NOW).await.unwrap();
    let results = vec![read(0, "First, differently.", 10), read(1, "Second.", 20)];
    assert_eq!(stores.complete(&again, results).await, Completion::Stored);
    assert_eq!(stores.used_and_reserved(&account).await, (30, 0));
    let pages = stores.documents.pages(&account.id, "document again", 0, 10).await.unwrap();
    assert_eq!(pages.iter().map(|page| page.markdown.as_str()).collect::<Vec<_>>(), ["First.", "Second.", ""]);
}

async fn completion_accepts_any_character(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    let odd = "a NUL \0, a bell \u{7}, \u{FFFF} and 𝄞";
    assert!(stores.jobs.record_page(&job, &failed_page(1, odd), NOW).await.unwrap());
    assert_eq!(stores.complete(&job, vec![read(0, odd, 10)]).await, Completion::Stored);
    let pages = stores.documents.pages(&account.id, &job.document_id, 0, 10).await.unwrap();
    // NUL is replaced, because PostgreSQL cannot store it.
    assert_eq!(pages[0].markdown, odd.replace('\0', "\u{FFFD}"));
}

/// A document of which two of three pages were read, and page 2 failed. Returns its id.
async fn document_read(stores: &Stores, account: &Account) -> String {
    let first = stores.claimed(account, "one").await;
    let results = vec![read(0, "First.", 10), read(2, "Third.", 30), failed_page(1, "It was blocked.")];
    assert_eq!(stores.complete(&first, results).await, Completion::Stored);
    first.document_id
}

/// A claimed job that reads pages of a document again.
async fn rereading(stores: &Stores, account: &Account, id: &str, document_id: &str, pages: &[u32]) -> Job {
    let (pages_submitted, pages) = (pages.len() as u32, pages.iter().copied().collect());
    let job = Job { id: id.to_owned(), mode: Mode::Realtime, pages, pages_submitted, ..job(account, "one") };
    let job = Job { stage: Stage::Realtime { tries: 0 }, ..job.rereading(document_id.to_owned()) };
    assert_eq!(stores.accept(account, &job, 50).await, Acceptance::Accepted);
    let claimed = stores.claim(NOW).await.unwrap();
    assert!(claimed.rereads && stores.jobs.job(&account.id, id).await.unwrap().unwrap().rereads);
    claimed
}

async fn texts(stores: &Stores, account: &Account, document_id: &str) -> Vec<(String, bool)> {
    let pages = stores.documents.pages(&account.id, document_id, 0, 10).await.unwrap();
    pages.into_iter().map(|page| (page.markdown, page.failure.is_some())).collect()
}

async fn page_read_again_replaces_its_text_and_is_charged_once(stores: Stores) {
    let account = stores.account("a").await;
    let document = document_read(&stores, &account).await;
    let again = rereading(&stores, &account, "again", &document, &[0, 1]).await;
    assert!(stores.jobs.finished_pages(&again).await.unwrap().is_empty(), "stored results do not count");
    let before = stores.storage.account_usage(&account.id).await.unwrap().stored_bytes;
    for text in ["First, again.", "First, a third time."] {
        assert!(stores.jobs.record_page(&again, &read(0, text, 7), NOW).await.unwrap());
    }
    assert_eq!(stores.jobs.finished_pages(&again).await.unwrap().to_string(), "1");
    assert_eq!(stores.used_and_reserved(&account).await, (47, 50));
    let grown = stores.storage.account_usage(&account.id).await.unwrap().stored_bytes - before;
    assert_eq!(grown, "First, again.".len() as u64 - "First.".len() as u64);
    let former = [("First.".to_owned(), false), ("Its own text.".to_owned(), true), ("Third.".to_owned(), false)];
    assert_eq!(texts(&stores, &account, &again.document_id).await, former, "the text stays until the job ends");

    assert_eq!(stores.complete(&again, vec![read(1, "Second.", 9)]).await, Completion::Stored);
    assert_eq!(stores.used_and_reserved(&account).await, (56, 0));
    let now = ["First, again.", "Second.", "Third."].map(|text| (text.to_owned(), false));
    assert_eq!(texts(&stores, &account, &again.document_id).await, now);
    let document = stores.documents.document(&account.id, &again.document_id).await.unwrap().unwrap();
    assert_eq!((document.charged_tokens, document.failed_pages, document.mode), (56, 0, Mode::Batch));
    let cached = stores.uploads.cached_pages(&account.id, &again.content_hash, "model/1").await.unwrap();
    assert_eq!(cached.to_string(), "1-3");
}

async fn page_not_read_again_stays_as_it_was(stores: Stores) {
    let account = stores.account("a").await;
    let document = document_read(&stores, &account).await;
    // Another document has another text of the first page, which is the stored result.
    let other = Job { document_id: "another document".into(), id: "other".into(), ..job(&account, "one") };
    stores.accept(&account, &Job { pages: PageSet::all(1), pages_submitted: 1, ..other }, 0).await;
    let other = stores.claim(NOW).await.unwrap();
    assert_eq!(stores.complete(&other, Vec::new()).await, Completion::Stored);
    let other = rereading(&stores, &account, "other again", &other.document_id, &[0]).await;
    assert_eq!(stores.complete(&other, vec![read(0, "First, elsewhere.", 5)]).await, Completion::Stored);

    let again = rereading(&stores, &account, "again", &document, &[0, 1, 2]).await;
    for index in [0, 1] {
        assert!(stores.jobs.record_page(&again, &failed_page(index, "It was blocked again."), NOW).await.unwrap());
    }
    assert_eq!(stores.jobs.finished_pages(&again).await.unwrap().to_string(), "1-2");
    let former = texts(&stores, &account, &again.document_id).await;
    let failed = vec![failed_page(2, "It was blocked again.")];
    assert_eq!(stores.complete(&again, failed).await, Completion::NothingUsable);
    assert_eq!(texts(&stores, &account, &again.document_id).await, former);
    assert_eq!(former[0].0, "First.");
    assert_eq!(stores.used_and_reserved(&account).await, (45, 50));

    assert_eq!(stores.complete(&again, vec![read(2, "Third, again.", 3)]).await, Completion::Stored);
    let third = [former[0].clone(), former[1].clone(), ("Third, again.".to_owned(), false)];
    assert_eq!(texts(&stores, &account, &again.document_id).await, third);
    let pages = stores.documents.pages(&account.id, &again.document_id, 0, 10).await.unwrap();
    assert_eq!(pages[1].failure.as_deref(), Some("It was blocked."), "the first reason stays");
    let view = stores.jobs.job(&account.id, "again").await.unwrap().unwrap();
    assert_eq!((view.failed_pages.to_string().as_str(), view.completed_pages), ("1-2", 1));
    assert_eq!(stores.used_and_reserved(&account).await, (48, 0));
}

async fn page_read_again_after_its_document_was_deleted_makes_none(stores: Stores) {
    let account = stores.account("a").await;
    let document = document_read(&stores, &account).await;
    let again = rereading(&stores, &account, "again", &document, &[0]).await;
    assert!(stores.documents.delete_document(&account.id, &again.document_id, NOW).await.unwrap());
    assert_eq!(stores.complete(&again, vec![read(0, "First, again.", 7)]).await, Completion::Stored);
    assert!(stores.documents.document(&account.id, &again.document_id).await.unwrap().is_none());
    assert_eq!(stores.used_and_reserved(&account).await, (47, 0));
}
