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

#[test]
fn what_cannot_work_is_told_before_it_is_tried() {
    let env = |name: &str| match name {
        "DATABASE_URL" => Some("mysql://root:hidden-password@db/coldbrew".to_owned()),
        "REDIS_URL" => Some("http://:hidden-password@redis".to_owned()),
        "BLOB_URL" => Some("/var/files".to_owned()),
        "AWS_ACCESS_KEY_ID" => Some("coldbrew".to_owned()),
        "COLDBREW_PUBLIC_URL" => Some("coldbrew.example".to_owned()),
        "COLDBREW_CLIENT_ADDRESS_HEADER" => Some("x forwarded".to_owned()),
        "COLDBREW_OIDC_ISSUER" => Some("https://login.example".to_owned()),
        "COLDBREW_BATCH_PERCENT" => Some("150".to_owned()),
        "COLDBREW_POLL_INTERVAL_MS" | "COLDBREW_JOBS_MAX" => Some("0".to_owned()),
        "GEMINI_API_KEY_FILE" => Some("/nowhere/key".to_owned()),
        _ => None,
    };
    let error = Config::read(SHIPPED, env).unwrap_err();
    assert_eq!(error.0.len(), 11, "{error}");
    assert!(!error.to_string().contains("hidden-password"), "{error}");
}

#[test]
fn proxies_are_own_networks_unless_they_are_listed() {
    let read = |header: &str, networks: &str, hops: &str| {
        let set = BTreeMap::from([
            ("COLDBREW_CLIENT_ADDRESS_HEADER", header.to_owned()),
            ("COLDBREW_PROXY_NETWORKS", networks.to_owned()),
            ("COLDBREW_PROXY_HOPS", hops.to_owned()),
        ]);
        Config::read("", move |name| set.get(name).cloned()).map(|config| config.proxies)
    };
    assert!(read("", "", "").unwrap().networks.is_empty(), "without a header there is no proxy");
    let own = read("x-forwarded-for", "", "").unwrap();
    let includes = |address: &str| {
        let address: std::net::IpAddr = address.parse().unwrap();
        own.networks.iter().any(|network| network.contains(&address))
    };
    assert!(["127.0.0.1", "::1", "10.9.8.7", "172.31.0.1", "192.168.1.1", "fd00::1"].iter().all(|own| includes(own)));
    assert!(!["172.32.0.1", "1.1.1.1", "2001:db8::1"].iter().any(|foreign| includes(foreign)));
    assert_eq!(own.hops, 1);
    let listed = read("x-forwarded-for", "192.0.2.0/24, 2001:db8::/32", "2").unwrap();
    assert_eq!((listed.networks.len(), listed.hops), (2, 2));
    assert_eq!(read("", "192.0.2.0/24,nowhere", "0").unwrap_err().0.len(), 2);
}

#[test]
fn hosts_are_names_without_a_port() {
    let read = |hosts: &str| {
        let hosts = hosts.to_owned();
        let env = move |name: &str| (name == "COLDBREW_HOSTS").then(|| hosts.clone());
        Config::read("", env).map(|config| config.listening.hosts)
    };
    assert_eq!(read("One.example, 192.0.2.7,[2001:db8::1]").unwrap(), ["one.example", "192.0.2.7", "[2001:db8::1]"]);
    for wrong in ["one.example:3000", "https://one.example", "one.example/", "a@b"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn every_secret_can_come_from_a_file() {
    let folder = tempfile::TempDir::new().unwrap();
    let secrets = [
        ("GEMINI_API_KEY", "the-key"),
        ("DATABASE_URL", "postgres://x:the-key@db/x"),
        ("REDIS_URL", "redis://:the-key@redis"),
        ("AWS_ACCESS_KEY_ID", "the-key-id"),
        ("AWS_SECRET_ACCESS_KEY", "the-key"),
        ("COLDBREW_METRICS_TOKEN", "the-key"),
        ("COLDBREW_OIDC_CLIENT_SECRET", "the-key"),
    ];
    for (name, secret) in secrets {
        std::fs::write(folder.path().join(name), format!("{secret}\n")).unwrap();
    }
    let env = |name: &str| match name {
        "COLDBREW_OIDC_ISSUER" => Some("https://login.example".to_owned()),
        "COLDBREW_OIDC_CLIENT_ID" => Some("coldbrew".to_owned()),
        _ => name
            .strip_suffix("_FILE")
            .filter(|name| secrets.iter().any(|(secret, _)| secret == name))
            .map(|name| folder.path().join(name).to_str().unwrap().to_owned()),
    };
    let config = Config::read(SHIPPED, env).unwrap();
    let s3 = &config.storage.s3;
    let read = [
        config.gemini.api_key.as_deref(),
        config.storage.database_url.as_deref(),
        config.storage.redis_url.as_deref(),
        s3.access_key.as_deref(),
        s3.secret_key.as_deref(),
        config.site.metrics_token.as_deref(),
        config.sign_in.as_ref().unwrap().client_secret.as_deref(),
    ];
    assert_eq!(read, secrets.map(|(_, secret)| Some(secret)));
    assert!(!format!("{config:?}").contains("the-key"));
}
