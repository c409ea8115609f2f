//! The ways of asking for a page, one after the other, until one gives a text that can be kept.
//!
//! A refused page is not asked for again unchanged: the same filter sees the same page. Which ways help, and how often, is in
//! docs/GEMINI.md, "Refusals". A page that no way reads shows the file's own text.

use strum::{EnumString, IntoStaticStr};

use super::judge::Verdict;

/// A way of asking for a page. Each is tried once at most. The names are stored, and are part of the recipe's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Way {
    /// The page as a PDF, with the usual prompt.
    Usual,
    /// The same once more, after a fault of the moment.
    Again,
    /// "Read only what is printed", with the page's own text to correct against the page.
    Grounded,
    /// The model of `gemini.fallback-model`.
    OtherModel,
    /// The upper and the lower half of the page as pictures.
    Halves,
}

/// One request for a page, and what its answer was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub way: Way,
    pub verdict: Verdict,
}

/// The way to try after these attempts, in order; `None`: the page was read, or no way is left.
pub fn next_way(attempts: &[Attempt], has_other_model: bool) -> Option<Way> {
    let Some(last) = attempts.last() else { return Some(Way::Usual) };
    if last.verdict.is_final() {
        return None;
    }
    let again = last.verdict.is_passing().then_some(Way::Again);
    let ways = [again, Some(Way::Grounded), has_other_model.then_some(Way::OtherModel), Some(Way::Halves)];
    let is_untried = |way: &Way| attempts.iter().all(|attempt| attempt.way != *way);
    ways.into_iter().flatten().find(is_untried)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VERDICTS: [Verdict; 9] = [
        Verdict::Read,
        Verdict::Cut,
        Verdict::Looped,
        Verdict::Refused,
        Verdict::Empty,
        Verdict::Incomplete,
        Verdict::Transient,
        Verdict::Rejected,
        Verdict::Missing,
    ];

    /// The ways that are tried if the answers are worth this, in turn.
    fn ways(verdicts: &[Verdict], has_other_model: bool) -> Vec<Way> {
        let mut attempts = Vec::new();
        let mut verdicts = verdicts.iter();
        while let Some(way) = next_way(&attempts, has_other_model)
            && let Some(&verdict) = verdicts.next()
        {
            attempts.push(Attempt { way, verdict });
        }
        attempts.into_iter().map(|attempt| attempt.way).collect()
    }

    #[test]
    fn refused_page_is_never_asked_for_unchanged() {
        let refused = [Verdict::Refused; 9];
        assert_eq!(ways(&refused, true), [Way::Usual, Way::Grounded, Way::OtherModel, Way::Halves]);
        assert_eq!(ways(&refused, false), [Way::Usual, Way::Grounded, Way::Halves]);
    }

    #[test]
    fn missing_page_is_asked_for_again_first() {
        let verdicts = [Verdict::Missing, Verdict::Looped, Verdict::Transient, Verdict::Read];
        assert_eq!(ways(&verdicts, true), [Way::Usual, Way::Again, Way::Grounded, Way::OtherModel]);
    }

    proptest! {
        #[test]
        fn each_way_is_tried_once_and_none_after_a_final_verdict(
            verdicts in proptest::collection::vec(proptest::sample::select(VERDICTS.to_vec()), 1..20),
            has_other_model: bool,
        ) {
            let tried = ways(&verdicts, has_other_model);
            let once: std::collections::BTreeSet<_> = tried.iter().collect();
            prop_assert_eq!(once.len(), tried.len());
            prop_assert_eq!(tried[0], Way::Usual);
            prop_assert!(has_other_model || !tried.contains(&Way::OtherModel));
            prop_assert!(verdicts[..tried.len() - 1].iter().all(|verdict| !verdict.is_final()));
        }
    }
}
