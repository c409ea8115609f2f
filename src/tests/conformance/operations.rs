//! Operations on all jobs.

use super::*;

conform!(clock_set_back_moves_waits_with_it);

async fn clock_set_back_moves_waits_with_it(stores: Stores) {
    const HOUR_MS: i64 = 3_600_000;
    let account = stores.account("a").await;
    // Written while the clock was 40 hours ahead.
    let ahead = NOW.plus(40 * HOUR_MS);
    let far = ahead.plus(30 * HOUR_MS);
    for (name, due_at) in
        [("soon", ahead), ("later", ahead.plus(60_000)), ("untouched", NOW.plus(60_000)), ("twice", far)]
    {
        stores.accept(&account, &Job { due_at, ..job(&account, name) }, 1).await;
    }
    assert_eq!(stores.claim(NOW).await, None);
    for _ in 0..2 {
        stores.time.clock_went_back(40 * HOUR_MS).await.unwrap();
    }
    let mut due = [stores.claim(NOW).await.unwrap().content_hash, stores.claim(NOW).await.unwrap().content_hash];
    due.sort();
    assert_eq!(due, ["content soon", "content twice"]);
    assert_eq!(stores.claim(NOW).await, None, "the other jobs keep their waits");
}
