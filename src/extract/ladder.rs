//! The ways of asking for a page, one after the other, until one gives a text that can be kept.
//!
//! A refused page is not asked for again unchanged: the same filter sees the same page. Which ways help, and how often, is in
//! docs/GEMINI.md, "Refusals". A page that no way reads shows the file's own text.
//!
//! A reader who has a page read again was not content with the usual way, so that way comes last.

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

/// Which ways there are for a page, and which comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WayOptions {
    pub has_other_model: bool,
    /// Whether the file has text of the page.
    pub has_own_text: bool,
    /// Whether the page is read again at a reader's request.
    pub rereads: bool,
}

/// The way to try after these attempts, in order; `None`: the page was read, or no way is left.
pub fn next_way(attempts: &[Attempt], options: WayOptions) -> Option<Way> {
    let last = attempts.last().map(|attempt| attempt.verdict);
    if last.is_some_and(|verdict| verdict.is_final()) {
        return None;
    }
    let WayOptions { has_other_model, has_own_text, rereads } = options;
    let other_model = has_other_model.then_some(Way::OtherModel);
    let again = last.is_some_and(|verdict| verdict.is_passing()).then_some(Way::Again);
    let ways = match rereads {
        true => [has_own_text.then_some(Way::Grounded), other_model, Some(Way::Halves), Some(Way::Usual), None],
        false => [Some(Way::Usual), again, Some(Way::Grounded), other_model, Some(Way::Halves)],
    };
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

    const OPTIONS: WayOptions = WayOptions { has_other_model: true, has_own_text: true, rereads: false };

    /// The ways that are tried if the answers are worth this, in turn.
    fn ways(verdicts: &[Verdict], options: WayOptions) -> Vec<Way> {
        let mut attempts = Vec::new();
        let mut verdicts = verdicts.iter();
        while let Some(way) = next_way(&attempts, options)
            && let Some(&verdict) = verdicts.next()
        {
            attempts.push(Attempt { way, verdict });
        }
        attempts.into_iter().map(|attempt| attempt.way).collect()
    }

    #[test]
    fn refused_page_is_never_asked_for_unchanged() {
        let refused = [Verdict::Refused; 9];
        assert_eq!(ways(&refused, OPTIONS), [Way::Usual, Way::Grounded, Way::OtherModel, Way::Halves]);
        let one_model = WayOptions { has_other_model: false, ..OPTIONS };
        assert_eq!(ways(&refused, one_model), [Way::Usual, Way::Grounded, Way::Halves]);
    }

    #[test]
    fn page_read_again_is_asked_for_in_another_way_first() {
        let (reread, refused) = (WayOptions { rereads: true, ..OPTIONS }, [Verdict::Refused; 9]);
        assert_eq!(ways(&refused, reread), [Way::Grounded, Way::OtherModel, Way::Halves, Way::Usual]);
        let scan = WayOptions { has_own_text: false, has_other_model: false, ..reread };
        assert_eq!(ways(&refused, scan), [Way::Halves, Way::Usual]);
        assert_eq!(ways(&[Verdict::Transient, Verdict::Read], reread), [Way::Grounded, Way::OtherModel]);
    }

    #[test]
    fn missing_page_is_asked_for_again_first() {
        let verdicts = [Verdict::Missing, Verdict::Looped, Verdict::Transient, Verdict::Read];
        assert_eq!(ways(&verdicts, OPTIONS), [Way::Usual, Way::Again, Way::Grounded, Way::OtherModel]);
    }

    proptest! {
        #[test]
        fn each_way_is_tried_once_and_none_after_a_final_verdict(
            verdicts in proptest::collection::vec(proptest::sample::select(VERDICTS.to_vec()), 1..20),
            has_other_model: bool,
            has_own_text: bool,
            rereads: bool,
        ) {
            let options = WayOptions { has_other_model, has_own_text, rereads };
            let tried = ways(&verdicts, options);
            let once: std::collections::BTreeSet<_> = tried.iter().collect();
            prop_assert_eq!(once.len(), tried.len());
            prop_assert_eq!(tried[0] == Way::Usual, !rereads);
            prop_assert!(has_other_model || !tried.contains(&Way::OtherModel));
            let is_read_at_last = tried.len() < verdicts.len() && !verdicts[tried.len() - 1].is_final();
            prop_assert!(!is_read_at_last || tried.contains(&Way::Usual), "the usual way is left out");
            prop_assert!(verdicts[..tried.len() - 1].iter().all(|verdict| !verdict.is_final()));
        }
    }
}
