//! The table of models is consistent.

use jiff::civil::date;

use crate::ThinkingLevel;
use crate::models::{self, DEFAULT, Model, Models, Prices, Thinking, is_same_model, model};

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
    let promotion = Prices { input: 750_000, output: 3_750_000 };
    assert_eq!(default.prices_on(date(2026, 12, 31)), Some(promotion));
    assert_eq!(default.prices_on(date(2027, 1, 1)), Some(Prices { input: 1_500_000, output: 7_500_000 }));
    assert_eq!(promotion.cost(1_000, 200, false), 750 + 750);
    assert_eq!(promotion.cost(1_000, 200, true), 750, "a batch costs half");
    assert_eq!(promotion.cost(u64::MAX, u64::MAX, false), u64::MAX.div_ceil(1_000_000));
    assert_eq!(promotion.cost(1, 0, true), 1, "fractions are rounded up");
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
