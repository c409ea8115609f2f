//! Orphaned resources: what deleted or reconciled jobs left at Google stays recorded until it is removed.

use coldbrew::jobs::OrphanedResource;
use coldbrew::jobs::machine::Timing;

use super::*;

conform!(
    account_deleted_records_orphans_of_its_active_jobs,
    job_of_a_deleted_account_cannot_change,
    orphan_claimed_is_hidden_until_it_is_due_again,
    orphan_of_a_step_is_recorded_with_the_step,
);

impl Stores {
    /// Claims the orphan that has been due longest when the database shows `now`.
    async fn claim_orphan(&self, now: UnixMs, lease_ms: i64) -> Option<OrphanedResource> {
        self.clock.set(now).await;
        self.orphans.claim_orphan(lease_ms).await.unwrap()
    }
}

fn creating() -> Stage {
    Stage::Creating { attempt: 2, input_file: "files/in".into(), uploaded_at: None, key: None }
}

async fn account_deleted_records_orphans_of_its_active_jobs(stores: Stores) {
    let (leaver, stayer) = (stores.account("a").await, stores.account("b").await);
    let prepare = Stage::Prepare { attempt: 1 };
    for (account, name, stage) in [
        (&leaver, "not sent", prepare),
        (&leaver, "sent", creating()),
        (&leaver, "remote", polling()),
        (&leaver, "failed", failed()),
        (&stayer, "other", polling()),
    ] {
        let claimed = stores.claimed(account, name).await;
        assert!(stores.jobs.advance(&at(&claimed, stage), 0, None, NOW).await.unwrap());
    }
    for _ in 0..2 {
        stores.accounts.delete_account(&leaver.id, NOW).await.unwrap();
    }
    assert_eq!(stores.claim_orphan(NOW.plus(-1), 0).await, None, "it is not due yet");
    let mut left = Vec::new();
    while let Some(orphan) = stores.claim_orphan(NOW, 10).await {
        assert_eq!((orphan.age_ms, orphan.quiet_looks), (0, 0));
        left.push((orphan.job_id, orphan.stage));
    }
    left.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(left, [("job remote".to_owned(), polling()), ("job sent".to_owned(), creating())]);
    assert_eq!(stores.jobs.active_ids().await.unwrap(), ["job other"]);
    assert_eq!((stores.used_and_reserved(&leaver).await, stores.used_and_reserved(&stayer).await), ((0, 0), (0, 100)));
}

async fn job_of_a_deleted_account_cannot_change(stores: Stores) {
    let account = stores.account("a").await;
    let claimed = stores.claimed(&account, "one").await;
    stores.accounts.delete_account(&account.id, NOW).await.unwrap();
    assert!(!stores.jobs.advance(&at(&claimed, creating()), 0, None, NOW).await.unwrap());
    assert!(!stores.jobs.record_page(&claimed, &read(0, "Text.", 10), NOW).await.unwrap());
    assert_eq!(stores.complete(&claimed, vec![read(0, "Text.", 10)]).await, Completion::Superseded);
    stores.jobs.release(&claimed, None).await.unwrap();
    assert_eq!(stores.claim(NOW.plus(100_000)).await, None);
    let accepted = stores.jobs.accept(&job(&account, "two"), 1, &account, 0, &UNLIMITED).await;
    assert!(accepted.is_err(), "the account does not exist");
}

async fn orphan_claimed_is_hidden_until_it_is_due_again(stores: Stores) {
    let account = stores.account("a").await;
    let claimed = stores.claimed(&account, "one").await;
    assert!(stores.jobs.advance(&at(&claimed, polling()), 0, None, NOW).await.unwrap());
    stores.accounts.delete_account(&account.id, NOW).await.unwrap();
    let next = async |now| stores.claim_orphan(now, 1_000).await;
    let taken = next(NOW).await.unwrap();
    assert_eq!(next(NOW.plus(999)).await, None);
    assert_eq!(next(NOW.plus(1_000)).await.unwrap().job_id, taken.job_id, "the previous claim has expired");
    let later = OrphanedResource { wait_ms: 5_000, quiet_looks: 3, ..taken };
    stores.clock.set(NOW).await;
    stores.orphans.postpone_orphan(&later).await.unwrap();
    assert_eq!(next(NOW.plus(4_999)).await, None);
    assert_eq!(next(NOW.plus(5_000)).await.unwrap(), OrphanedResource { wait_ms: 0, age_ms: 5_000, ..later.clone() });
    stores.orphans.remove_orphan(&later).await.unwrap();
    assert_eq!(next(NOW.plus(100_000)).await, None);
}

async fn orphan_of_a_step_is_recorded_with_the_step(stores: Stores) {
    let account = stores.account("a").await;
    let claimed = stores.claimed(&account, "one").await;
    let reconciling = Stage::Reconciling {
        attempt: 1,
        input_file: "files/in".into(),
        uploaded_at: None,
        key: None,
        empty_listings: 0,
    };
    let reconciled = at(&claimed, reconciling);
    let beside = OrphanedResource::beside("batches/b1", &reconciled, &Timing::default());
    let lost = Job { fence: claimed.fence - 1, ..at(&claimed, polling()) };
    assert!(!stores.jobs.advance(&lost, 0, Some(&beside), NOW).await.unwrap());
    assert_eq!(
        stores.claim_orphan(NOW.plus(beside.wait_ms), 0).await,
        None,
        "the step of a lost claim records nothing"
    );
    stores.clock.set(NOW).await;
    assert!(stores.jobs.advance(&at(&claimed, polling()), 0, Some(&beside), NOW).await.unwrap());
    assert_eq!(stores.used_and_reserved(&account).await, (0, 100), "the job continues");
    let due_at = NOW.plus(beside.wait_ms);
    let beside = OrphanedResource { wait_ms: 0, age_ms: beside.wait_ms, ..beside };
    assert_eq!(stores.claim_orphan(due_at.plus(-1), 0).await, None);
    assert_eq!(stores.claim_orphan(due_at, 0).await, Some(beside.clone()));

    let all = OrphanedResource::of(&at(&claimed, polling())).unwrap();
    assert!(stores.jobs.advance(&at(&claimed, failed()), 0, Some(&all), NOW).await.unwrap());
    assert_eq!(stores.used_and_reserved(&account).await, (0, 0));
    stores.orphans.remove_orphan(&beside).await.unwrap();
    assert_eq!(stores.claim_orphan(due_at, 0).await, Some(all), "both records exist");
}
