//! Which worker polls a batch, and at which moment of each interval. Both follow from the job's id, so workers need not agree on them.

/// A hash that is the same in every build, because workers of several versions share the jobs: 64-bit FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Spreads every bit of `hash` over all bits: the finalizer of MurmurHash3. FNV alone spreads the last letters too little.
const fn spread(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// The workers that share the polls, by rendezvous hashing: a worker that comes or goes moves only its own part.
#[derive(Clone, Debug, Default)]
pub(super) struct Workers(Vec<(u64, String)>);

impl Workers {
    /// `own` belongs to them, whether or not `live` has it.
    pub(super) fn new(own: &str, live: Vec<String>) -> Self {
        let others = live.into_iter().filter(|name| name != own);
        Self(others.chain([own.to_owned()]).map(|name| (hash(&name), name)).collect())
    }

    /// The worker that polls the batch of this job.
    pub(super) fn of(&self, job_id: &str) -> Option<&str> {
        let job = hash(job_id);
        let chosen = self.0.iter().max_by_key(|(worker, name)| (spread(worker ^ job.rotate_left(17)), name));
        chosen.map(|(_, name)| name.as_str())
    }
}

/// How long until the job's moment of the interval, in milliseconds: more than 0, at most `interval_ms`.
pub(super) fn wait_ms(job_id: &str, now_ms: i64, interval_ms: i64) -> i64 {
    let interval_ms = interval_ms.max(1);
    let moment_ms = (spread(hash(job_id)) >> 1).cast_signed() % interval_ms;
    interval_ms - (now_ms - moment_ms).rem_euclid(interval_ms)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn ids() -> impl Iterator<Item = String> {
        (0..10_000).map(|number| format!("0193f0000000700080000000{number:08x}"))
    }

    fn workers(count: usize) -> Workers {
        Workers::new("worker 0", (1..count).map(|number| format!("worker {number}")).collect())
    }

    #[test]
    fn jobs_are_shared_evenly_and_a_dead_worker_moves_only_its_own() {
        let (ten, nine) = (workers(10), workers(9));
        let mut shares: BTreeMap<&str, usize> = BTreeMap::new();
        let ids: Vec<_> = ids().collect();
        for id in &ids {
            let before = ten.of(id).unwrap_or_default();
            *shares.entry(before).or_default() += 1;
            assert!(before == "worker 9" || nine.of(id) == Some(before), "{id} moved although its worker lives");
        }
        assert_eq!(shares.len(), 10);
        assert!(shares.values().all(|share| (850..1_150).contains(share)), "{shares:?}");
    }

    #[test]
    fn workers_that_know_the_same_others_agree_in_any_order() {
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let reversed = names.iter().rev().cloned().collect();
        let (first, second) = (Workers::new("a", names), Workers::new("b", reversed));
        assert!(ids().all(|id| first.of(&id) == second.of(&id)));
    }

    #[test]
    fn moments_are_spread_over_the_interval_and_repeat_in_each() {
        let mut tenths = [0; 10];
        for id in ids() {
            let wait = wait_ms(&id, 1_700_000_000_000, 15_000);
            assert!((1..=15_000).contains(&wait));
            assert_eq!(wait_ms(&id, 1_700_000_000_000 + wait, 15_000), 15_000, "the next moment is an interval later");
            tenths[usize::try_from((wait - 1) / 1_500).unwrap_or_default()] += 1;
        }
        assert!(tenths.iter().all(|share| (850..1_150).contains(share)), "{tenths:?}");
    }

    /// Workers of another version must come to the same result.
    #[test]
    fn hash_of_a_name_never_changes() {
        assert_eq!(hash("worker"), 0xa51a_677d_5b59_0177);
        assert_eq!(spread(1), 0xb456_bcfc_34c2_cb2c);
    }
}
