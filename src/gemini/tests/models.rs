//! The table of models agrees with itself.

use crate::gemini::ThinkingLevel;
use crate::gemini::models::{self, DEFAULT, Model, Models, Prices, Thinking, is_same, model};

#[test]
fn the_default_is_listed_current_and_priced() {
    let default = model(DEFAULT);
    assert!(models::all().any(|listed| listed == default));
    assert_eq!(default.shutdown, None);
    let prices = Prices { input: 750_000, output: 3_750_000, batch_input: 375_000, batch_output: 1_875_000 };
    assert_eq!(default.prices, Some(prices));
    let Thinking::Levels(levels) = default.thinking else { panic!() };
    assert!(levels.contains(&ThinkingLevel::Low) && !levels.contains(&ThinkingLevel::Minimal));
}

#[test]
fn names_are_understood_with_and_without_their_prefix() {
    assert_eq!(model("models/gemini-3.5-flash"), model("gemini-3.5-flash"));
    assert_eq!(model("gemini-flash-latest").id, "gemini-3.8-flash");
    assert_eq!(model("tuned-thing").thinking, Thinking::Unknown);
}

#[test]
fn another_model_than_asked_for_is_noticed() {
    for (requested, version, same) in [
        ("gemini-3.5-flash", "gemini-3.5-flash", true),
        ("models/gemini-3.5-flash", "models/gemini-3.5-flash", true),
        ("gemini-3.5-flash", "gemini-3.5-flash-001", true),
        ("gemini-3.5-flash", "gemini-3.5-flash-lite", false),
        ("gemini-2.5-pro", "gemini-3.8-flash", false),
        ("gemini-flash-latest", "gemini-3.8-flash", true),
        ("gemini-3.5-flash", "", false),
    ] {
        assert_eq!(is_same(requested, version), same, "{requested} {version}");
    }
}

#[test]
fn what_its_user_knows_better_wins() {
    let listed = model("gemini-3.8-flash");
    let models = Models::default().with(Model { output_tokens_max: 1, ..listed.clone() });
    for name in ["gemini-3.8-flash", "models/gemini-3.8-flash", "gemini-flash-latest"] {
        assert_eq!(models.get(name).output_tokens_max, 1, "{name}");
    }
    assert_eq!(models.get("gemini-3.5-flash"), model("gemini-3.5-flash"));
    let unlisted = Models::default().with(Model { thinking: Thinking::Budget, ..model("tuned-thing") });
    assert_eq!(unlisted.get("tuned-thing").thinking, Thinking::Budget);
}
