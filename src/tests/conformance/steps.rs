//! Steps: only the newest claim commits one, an end releases the reservation, and no step follows an end.

use std::time::Duration;

use coldbrew::jobs::Part;

use super::*;

conform!(
    step_committed_is_returned_by_the_next_claim,
    step_that_waits_releases_the_claim,
    step_of_a_lost_claim_changes_nothing,
    step_ending_a_job_releases_its_reservation,
    job_ended_accepts_no_change,
    open_jobs_are_listed_for_their_owner_only,
);

async fn step_committed_is_returned_by_the_next_claim(stores: Stores) {
    let account = stores.account("a").await;
    let claimed = stores.claimed(&account, "one").await;
    let stage = Stage::Submit { attempt: 2, input_file: "files/in".into(), uploaded_at: None };
    let pages = PageSet::parse("1, 3", 3).unwrap();
    let part = Some(Part { pages, tokens: 3_000, stored: 1, since: NOW, waited_ms: 7 });
    let after = Job { due_at: NOW.plus(50), requeued: true, part, ..at(&claimed, stage) };
    assert!(stores.jobs.advance(&after, 50, None, NOW).await.unwrap());
    stores.jobs.release(&after, None).await.unwrap();
    assert_eq!(stores.claim(NOW.plus(49)).await, None);
    let found = stores.claim(NOW.plus(50)).await.unwrap();
    assert_eq!(found, Job { claims: 1, fence: found.fence, ..after });
}

async fn step_that_waits_releases_the_claim(stores: Stores) {
    let account = stores.account("a").await;
    let claimed = stores.claimed(&account, "one").await;
    let blocked_by = Some(BlockedReason::Quota);
    let waiting = Job { due_at: NOW.plus(50), polls: 3, blocked_by, ..at(&claimed, Stage::Upload { attempt: 2 }) };
    assert!(stores.jobs.advance(&waiting, 50, None, NOW).await.unwrap());
    assert!(!stores.jobs.renew(&waiting, 5_000).await.unwrap(), "the claim was released");
    let view = stores.jobs.job(&account.id, &waiting.id).await.unwrap().unwrap();
    assert_eq!(view.blocked_by, blocked_by);
    let again = stores.claim(NOW.plus(50)).await.unwrap();
    assert_eq!(again, Job { claims: 1, fence: again.fence, ..waiting.clone() });
    assert!(!stores.jobs.advance(&waiting, 50, None, NOW).await.unwrap(), "another worker has the job");
    // A step that need not wait keeps the claim.
    let continuing = Job { blocked_by: None, ..again.clone() };
    assert!(stores.jobs.advance(&continuing, 0, None, NOW.plus(60)).await.unwrap());
    let view = stores.jobs.job(&account.id, &waiting.id).await.unwrap().unwrap();
    assert_eq!(view.blocked_by, None);
    assert_eq!(stores.claim(NOW.plus(60)).await, None);
}

async fn step_of_a_lost_claim_changes_nothing(stores: Stores) {
    let account = stores.account("a").await;
    let late = stores.claimed(&account, "one").await;
    let holder = stores.taken_over().await;
    assert!(!stores.jobs.advance(&at(&late, failed()), 0, None, NOW).await.unwrap());
    assert_eq!(stores.used_and_reserved(&account).await, (0, 100));
    assert!(stores.jobs.advance(&at(&holder, Stage::Upload { attempt: 2 }), 0, None, NOW).await.unwrap());
}

async fn step_ending_a_job_releases_its_reservation(stores: Stores) {
    let account = stores.account("a").await;
    let (one, two) = (stores.claimed(&account, "one").await, stores.claimed(&account, "two").await);
    assert!(stores.jobs.advance(&at(&one, Stage::Upload { attempt: 2 }), 0, None, NOW).await.unwrap());
    assert_eq!(stores.used_and_reserved(&account).await, (0, 200));
    assert!(stores.jobs.advance(&at(&one, failed()), 0, None, NOW).await.unwrap());
    assert_eq!(stores.used_and_reserved(&account).await, (0, 100));
    assert_eq!(stores.jobs.active_ids().await.unwrap(), [two.id]);
}

async fn job_ended_accepts_no_change(stores: Stores) {
    let account = stores.account("a").await;
    let job = stores.claimed(&account, "one").await;
    assert!(stores.jobs.advance(&at(&job, failed()), 0, None, NOW).await.unwrap());
    assert!(!stores.jobs.advance(&at(&job, Stage::Upload { attempt: 2 }), 0, None, NOW).await.unwrap());
    assert!(!stores.jobs.record_page(&job, &read(0, "Text.", 10), NOW).await.unwrap());
    assert!(!stores.jobs.renew(&job, 5_000).await.unwrap());
    assert_eq!(stores.complete(&job, vec![read(0, "Text.", 10)]).await, Completion::Superseded);
    stores.jobs.release(&job, None).await.unwrap();
    assert_eq!(stores.claim(NOW.plus(100_000)).await, None);
    assert_eq!(stores.used_and_reserved(&account).await, (0, 0));
}

async fn open_jobs_are_listed_for_their_owner_only(stores: Stores) {
    let (account, stranger) = (stores.account("a").await, stores.account("b").await);
    let done = stores.claimed(&account, "done").await;
    assert_eq!(stores.complete(&done, vec![read(0, "Text.", 10)]).await, Completion::Stored);
    let broken = stores.claimed(&account, "failed").await;
    assert!(stores.jobs.advance(&at(&broken, failed()), 0, None, NOW).await.unwrap());
    stores.claimed(&account, "under way").await;
    let open = async |account: &Account| {
        let views = stores.jobs.open_jobs(&account.id).await.unwrap();
        views.into_iter().map(|view| view.title).collect::<Vec<_>>()
    };
    assert_eq!(open(&account).await, ["Book under way", "Book failed"]);
    assert_eq!(open(&stranger).await, [""; 0]);
    stores.accept(&account, &Job { id: "second try".into(), ..job(&account, "failed") }, 1).await;
    assert_eq!(open(&account).await, ["Book failed", "Book under way"], "a newer job hides the failed one");
    assert_eq!(stores.jobs.job(&account.id, &done.id).await.unwrap().unwrap().title, "Book done");
    assert_eq!(stores.jobs.job(&stranger.id, &done.id).await.unwrap(), None);
    assert_eq!(stores.jobs.latest(&stranger.id, "content done").await.unwrap(), None);
}

#[tokio::test]
async fn transaction_cancelled_at_its_start_blocks_no_later_commit() {
    let postgres = Postgres::start();
    let url = postgres.database("records").await;
    let (stores, others) = (Stores::sql(&url, ()).await.1, Stores::sql(&url, ()).await.1);
    let account = stores.account("a").await;
    let mut claimed = stores.claimed(&account, "one").await;
    let mut due_at = NOW;
    for turns in [0, 1, 2, 3, 4, 5, 6].repeat(3) {
        // It begins a transaction and is dropped after so many polls.
        let page = read(0, "Text.", 1);
        let mut giving_up = stores.jobs.record_page(&claimed, &page, NOW);
        for _ in 0..turns {
            if futures::poll!(&mut giving_up).is_ready() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(giving_up);
        tokio::time::sleep(Duration::from_millis(5)).await;
        // Enough writes to use every connection of the pool.
        for _ in 0..4 {
            due_at = due_at.plus(1);
            let waiting = at(&claimed, Stage::Upload { attempt: 2 });
            assert!(stores.jobs.advance(&waiting, 1, None, NOW).await.unwrap());
            let found = others.claim(due_at).await;
            claimed = found.unwrap_or_else(|| panic!("after {turns} turns: the commit is missing"));
        }
    }
}
