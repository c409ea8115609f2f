//! Uploads, and the pages that are free.

use super::*;

conform!(an_upload_is_found_by_its_owner_alone, pages_are_free_for_the_same_account_content_and_recipe);

async fn an_upload_is_found_by_its_owner_alone(stores: Stores) {
    let (owner, stranger) = (stores.account("a").await, stores.account("b").await);
    let upload = upload(&owner, "one");
    stores.uploads.insert_upload(&upload, NOW).await.unwrap();
    assert_eq!(stores.uploads.upload(&owner.id, &upload.hash).await.unwrap(), Some(upload.clone()));
    assert_eq!(stores.uploads.upload(&stranger.id, &upload.hash).await.unwrap(), None);
    assert_eq!(stores.uploads.upload(&owner.id, "another").await.unwrap(), None);
}

async fn pages_are_free_for_the_same_account_content_and_recipe(stores: Stores) {
    let (account, other) = (stores.account("a").await, stores.account("b").await);
    let job = stores.claimed(&account, "one").await;
    for page in [read(0, "Text.", 10), read(2, "", 10), unread(1, "It is damaged.")] {
        assert!(stores.jobs.record_page(&job, &page, NOW).await.unwrap());
    }
    let free = async |account: &Account, content, recipe| {
        stores.uploads.cached_pages(&account.id, content, recipe).await.unwrap().to_string()
    };
    assert_eq!(free(&account, "content one", "model/1").await, "1, 3");
    assert_eq!(free(&account, "content one", "model/2").await, "");
    assert_eq!(free(&account, "content two", "model/1").await, "");
    assert_eq!(free(&other, "content one", "model/1").await, "");
}
