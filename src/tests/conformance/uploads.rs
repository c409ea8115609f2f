//! Uploads, and pages with cached results.

use coldbrew::model::ErrorCode;

use super::*;

conform!(
    upload_is_found_by_its_owner_only,
    pages_cached_are_found_by_account_content_and_recipe,
    job_without_an_own_upload_is_refused,
    upload_finished_is_not_removed,
);

async fn upload_is_found_by_its_owner_only(stores: Stores) {
    let (owner, stranger) = (stores.account("a").await, stores.account("b").await);
    let upload = upload(&owner, "one");
    stores.uploads.insert_upload(&upload, &UNLIMITED, NOW).await.unwrap();
    assert_eq!(stores.uploads.upload(&owner.id, &upload.hash).await.unwrap(), Some(upload.clone()));
    assert_eq!(stores.uploads.upload(&stranger.id, &upload.hash).await.unwrap(), None);
    assert_eq!(stores.uploads.upload(&owner.id, "another").await.unwrap(), None);
}

async fn pages_cached_are_found_by_account_content_and_recipe(stores: Stores) {
    let (account, other) = (stores.account("a").await, stores.account("b").await);
    let job = stores.claimed(&account, "one").await;
    for page in [read(0, "Text.", 10), read(2, "", 10), failed_page(1, "It is damaged.")] {
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

async fn job_without_an_own_upload_is_refused(stores: Stores) {
    let (account, other) = (stores.account("a").await, stores.account("b").await);
    stores.uploads.insert_upload(&upload(&other, "one"), &UNLIMITED, NOW).await.unwrap();
    let gone = upload(&account, "two");
    stores.uploads.insert_upload(&gone, &UNLIMITED, NOW).await.unwrap();
    stores.uploads.remove_upload(&gone, NOW).await.unwrap();
    for name in ["one", "two"] {
        let refused = stores.jobs.accept(&job(&account, name), 100, &account, 0, &UNLIMITED).await.unwrap_err();
        assert_eq!(refused.public().code, ErrorCode::NotFound, "{name}");
    }
    assert_eq!(stores.used_and_reserved(&account).await, (0, 0), "nothing is reserved");
    assert!(stores.jobs.active_ids().await.unwrap().is_empty());
    let unknown = Account { id: "unknown".into(), ..account };
    assert!(stores.uploads.insert_upload(&upload(&unknown, "three"), &UNLIMITED, NOW).await.is_err());
}

async fn upload_finished_is_not_removed(stores: Stores) {
    let account = stores.account("a").await;
    let (pending, finished) = (upload(&account, "one"), upload(&account, "two"));
    for upload in [&pending, &finished] {
        assert!(stores.uploads.insert_upload(upload, &UNLIMITED, NOW).await.unwrap());
    }
    assert!(stores.uploads.finish_upload(&finished, NOW).await.unwrap());
    for upload in [&pending, &finished] {
        stores.uploads.remove_upload(upload, NOW).await.unwrap();
    }
    assert!(!stores.uploads.has_content("a", "content one").await.unwrap());
    assert!(stores.uploads.has_content("a", "content two").await.unwrap());
    assert!(!stores.uploads.has_content("b", "content two").await.unwrap());
    assert!(!stores.uploads.finish_upload(&pending, NOW).await.unwrap(), "it was deleted meanwhile");
}
