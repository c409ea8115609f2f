#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::Config;

const SHIPPED: &str = include_str!("../../Leptos.toml");
const MANIFEST: &str = include_str!("../../Cargo.toml");

#[test]
fn the_shipped_file_says_the_defaults() {
    let none = |_: &str| None;
    let (shipped, bare) = (Config::read(SHIPPED, none).unwrap(), Config::read("", none).unwrap());
    assert_eq!(format!("{shipped:?}"), format!("{bare:?}"));
}

#[test]
fn the_shipped_file_names_every_setting_and_variable() {
    let asked = std::cell::RefCell::new(BTreeMap::new());
    Config::read("", |name| {
        asked.borrow_mut().insert(name.to_owned(), ());
        None
    })
    .unwrap();
    for variable in asked.into_inner().keys().filter(|name| !name.ends_with("_FILE")) {
        assert!(SHIPPED.contains(variable.as_str()), "Leptos.toml does not mention {variable}");
    }
}

#[test]
fn leptos_options_are_those_of_the_manifest() {
    let leptos = |text: &str| {
        let table: toml::Table = text.parse().unwrap();
        table["package"]["metadata"]["leptos"].clone()
    };
    assert_eq!(leptos(SHIPPED), leptos(MANIFEST));
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let env = |name: &str| (name == "COLDBREW_QUOTA_TOKENS").then(|| "plenty".to_owned());
    let error = Config::read("[batch]\nlease-ms = \"soon\"\npoll-ms = 3\n", env).unwrap_err();
    assert_eq!(error.0.len(), 3, "{error}");
    assert!(error.0.iter().any(|mistake| mistake.contains("batch.poll-ms is not a setting")));
}

#[test]
fn variables_win_and_secrets_stay_secret() {
    let env = |name: &str| match name {
        "GEMINI_API_KEY" => Some("AIza-secret".to_owned()),
        "LEPTOS_SITE_ADDR" => Some("127.0.0.1:4000".to_owned()),
        _ => None,
    };
    let config = Config::read(SHIPPED, env).unwrap();
    assert_eq!(config.site.addr.port(), 4000);
    assert_eq!(config.batch.poll_interval.as_millis(), 15_000, "with a key, the real interval");
    assert!(!format!("{config:?}").contains("secret"));
}
