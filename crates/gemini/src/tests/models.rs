//! The table of models is consistent.

use jiff::civil::date;

use crate::models::{self, ChangeKind, DEFAULT, Model, Models, Prices, Thinking, changes, is_same_model, model};
use crate::{ThinkingLevel, Usage};

#[test]
fn default_model_is_the_newest_flash_in_the_table() {
    let default = model(DEFAULT);
    assert!(models::all().any(|listed| listed == default));
    assert_eq!(default.shutdown, None);
    let newest = models::all().filter(|model| model.id.ends_with("-flash")).max_by_key(|model| model.released);
    assert_eq!(newest, Some(default.clone()));
    let Thinking::Levels(levels) = default.thinking else { panic!() };
    assert!(levels.contains(&ThinkingLevel::Low) && !levels.contains(&ThinkingLevel::Minimal));
}

#[test]
fn prices_change_on_their_first_day() {
    let default = model(DEFAULT);
    let promotion = Prices { input: 750_000, output: 3_750_000, cached: 75_000, cached_half: 37_500 };
    let usage = |input, output| Usage { prompt_tokens: input, candidates_tokens: output, ..Usage::default() };
    assert_eq!(default.prices_on(date(2026, 12, 31)), Some(promotion));
    assert_eq!(
        default.prices_on(date(2027, 1, 1)),
        Some(Prices { input: 1_500_000, output: 7_500_000, cached: 150_000, cached_half: 75_000 })
    );
    assert_eq!(promotion.cost(&usage(1_000, 200), false), 750 + 750);
    assert_eq!(promotion.cost(&usage(1_000, 200), true), 750, "a batch costs half");
    assert_eq!(promotion.cost(&usage(u64::MAX, u64::MAX), false), u64::MAX.div_ceil(1_000_000));
    assert_eq!(promotion.cost(&usage(1, 0), true), 1, "fractions are rounded up");
    let cached = Usage { cached_tokens: 1_000, thoughts_tokens: 200, ..usage(1_000, 0) };
    assert_eq!(promotion.cost(&cached, false), 75 + 750, "cached tokens cost less, and thoughts cost as output");
    let preview = model("gemini-3.1-pro-preview").prices_on(date(2026, 11, 30)).unwrap();
    assert_eq!(preview.cost(&cached, true), 200 + 1_200, "the price of its cached tokens is not halved");
    assert_eq!(model("tuned-thing").prices_on(date(2026, 12, 31)), None);
    for model in models::all() {
        assert!(model.prices.is_sorted_by_key(|(from, _)| *from), "{}", model.id);
        assert!(model.prices_on(date(2026, 11, 23)).is_some(), "{}", model.id);
        assert!(model.released.zip(model.shutdown).is_none_or(|(released, shutdown)| released < shutdown));
        let media = model.media.unwrap();
        assert!([media.low, media.medium, media.high, media.ultra_high].is_sorted(), "{}", model.id);
    }
}

#[test]
fn model_name_with_prefix_or_alias_is_resolved() {
    assert_eq!(model("models/gemini-3.5-flash"), model("gemini-3.5-flash"));
    assert_eq!(model("gemini-flash-latest").id, "gemini-3.8-flash");
    assert_eq!(model("gemini-3.5-flash-lite-001").id, "gemini-3.5-flash-lite");
    assert_eq!(model("tuned-thing-001").id, "tuned-thing-001");
    assert_eq!(model("tuned-thing").thinking, Thinking::Unknown);
}

#[test]
fn model_version_of_another_model_is_not_the_same() {
    for (requested, version, same) in [
        ("gemini-3.5-flash", "gemini-3.5-flash", true),
        ("models/gemini-3.5-flash", "models/gemini-3.5-flash", true),
        ("gemini-3.5-flash", "gemini-3.5-flash-001", true),
        ("gemini-3.5-flash", "gemini-3.5-flash-lite", false),
        ("gemini-2.5-pro", "gemini-3.8-flash", false),
        ("gemini-flash-latest", "gemini-3.8-flash", true),
        ("gemini-3.5-flash", "", false),
    ] {
        assert_eq!(is_same_model(requested, version), same, "{requested} {version}");
    }
}

#[test]
fn model_override_replaces_the_row_of_the_table() {
    let listed = model("gemini-3.8-flash");
    let models = Models::default().with(Model { output_tokens_max: 1, ..listed.clone() });
    for name in ["gemini-3.8-flash", "models/gemini-3.8-flash", "gemini-flash-latest"] {
        assert_eq!(models.get(name).output_tokens_max, 1, "{name}");
    }
    assert_eq!(models.get("gemini-3.5-flash"), model("gemini-3.5-flash"));
    let unlisted = Models::default().with(Model { thinking: Thinking::Budget, ..model("tuned-thing") });
    assert_eq!(unlisted.get("tuned-thing").thinking, Thinking::Budget);
}

#[test]
fn request_is_answered_by_the_routed_model_from_its_day_on() {
    let models = Models::default();
    for (requested, day, answering) in [
        ("gemini-3.7-flash", date(2026, 10, 7), "gemini-3.7-flash"),
        ("gemini-3.7-flash", date(2026, 10, 8), "gemini-3.8-flash"),
        ("gemini-3.5-flash", date(2026, 10, 8), "gemini-3.6-flash"),
        ("models/gemini-2.5-pro", date(2026, 11, 30), "gemini-2.5-pro"),
        ("models/gemini-2.5-pro", date(2026, 12, 1), "gemini-3.8-flash"),
        ("gemini-2.5-flash", date(2026, 12, 1), "gemini-3.5-flash-lite"),
        ("gemini-2.5-flash-lite", date(2027, 12, 1), "gemini-2.5-flash-lite"),
        ("tuned-thing", date(2027, 12, 1), "tuned-thing"),
    ] {
        assert_eq!(models.answering(requested, day).id, answering, "{requested} {day}");
    }
    for route in models::all().filter_map(|model| model.route) {
        assert!(model(route.to).is_listed(), "{}", route.to);
    }
    let described = models.with(Model { route: None, output_tokens_max: 1, ..model("gemini-3.7-flash") });
    assert_eq!(described.answering("gemini-3.7-flash", date(2026, 12, 1)).id, "gemini-3.7-flash");
}

#[test]
fn notice_warns_of_a_routed_retired_or_unknown_model_and_of_no_other() {
    let today = date(2026, 11, 30);
    let notice = |name: &str, day| Models::default().notice(name, day);
    let begins = |name: &str, day, words: &str| notice(name, day).is_some_and(|notice| notice.starts_with(words));
    assert!(begins(
        "gemini-3.7-flash",
        today,
        "Since 2026-10-08 Google answers requests for gemini-3.7-flash with gemini-3.8-flash"
    ));
    assert!(begins("gemini-2.5-pro", today, "From 2026-12-01 Google answers"));
    assert_eq!(notice("gemini-2.5-pro", date(2026, 10, 31)), None, "more than 30 days before");
    assert!(begins(
        "gemini-3.1-flash-lite",
        date(2027, 4, 7),
        "Google will shut down gemini-3.1-flash-lite on 2027-05-07."
    ));
    assert!(begins("gemini-3.1-flash-lite", date(2027, 5, 7), "Google shut down gemini-3.1-flash-lite on 2027-05-07."));
    assert!(begins("gemini-99", today, "The table of models of 2026-11-30 lacks gemini-99"));
    assert_eq!(notice(DEFAULT, today), None);
    let described = Models::default().with(Model { output_tokens_max: 1, ..model("gemini-99") });
    assert_eq!(described.notice("gemini-99", today), None, "the operator describes it");
}

#[test]
fn changes_are_those_of_the_period_in_order() {
    let found = changes(date(2026, 11, 30), date(2027, 1, 1));
    assert!(found.is_sorted_by_key(|change| change.day));
    let of = |id: &str| found.iter().filter(|change| change.model == id).map(|change| change.kind).collect::<Vec<_>>();
    assert_eq!(of("gemini-2.5-pro"), [ChangeKind::Routed("gemini-3.8-flash")]);
    let [ChangeKind::Prices(before, after)] = of("gemini-4-argon")[..] else { panic!("{found:?}") };
    assert_eq!((before.input, after.input), (2_000_000, 4_000_000));
    assert_eq!(of("gemini-3.8-flash").len(), 1);
    assert_eq!(of("gemini-3.7-flash"), [], "its price is that of 3.8");
    assert_eq!(changes(date(2027, 1, 1), date(2027, 5, 6)), []);
    assert_eq!(changes(date(2027, 1, 1), date(2027, 5, 7))[0].kind, ChangeKind::ShutDown);
}

#[test]
fn unlisted_gemini_has_levels_and_no_sampling() {
    let Thinking::Levels(levels) = model("gemini-99").thinking else { panic!() };
    assert!(levels.contains(&ThinkingLevel::Low) && levels.contains(&ThinkingLevel::Xhigh));
    for listed in models::all() {
        assert_eq!(listed.sampling, listed.id.starts_with("gemini-2.5"), "{}", listed.id);
        let Thinking::Levels(levels) = listed.thinking else { continue };
        assert!(levels.contains(&ThinkingLevel::Low), "{}", listed.id);
        assert!(listed.default_level.is_none_or(|level| levels.contains(&level)), "{}", listed.id);
    }
    assert!(!model("gemini-99").sampling && !model("tuned-thing").sampling);
}
