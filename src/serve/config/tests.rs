#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::{Config, EngineShares, Settings};

const SHIPPED: &str = include_str!("../../../Leptos.toml");
const MANIFEST: &str = include_str!("../../../Cargo.toml");

/// A line of the shipped file that shows a setting: `# key = default   # VARIABLE`.
struct Shown {
    key: String,
    variable: &'static str,
    /// A file that holds only this setting, as it is shown.
    file: String,
}

fn shown() -> Vec<Shown> {
    let mut table = "";
    let mut shown = Vec::new();
    for line in SHIPPED.lines() {
        table = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')).unwrap_or(table);
        let Some((key, rest)) = line.strip_prefix("# ").and_then(|line| line.split_once(" = ")) else { continue };
        let Some((value, variable)) = rest.rsplit_once(" # ").filter(|_| !key.contains(' ')) else { continue };
        let file = format!("[{table}]\n{key} = {}\n", value.trim());
        shown.push(Shown { key: format!("{table}.{key}"), variable, file });
    }
    shown
}

/// The configuration from a file and these variables, as a text for comparison.
fn described(file: &str, variables: &[(&str, &str)]) -> String {
    let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    format!("{:?}", Config::read(file, find).unwrap())
}

#[test]
fn shipped_file_shows_every_setting_with_its_variable_and_no_other() {
    let mut settings = Settings::new("", |_| None).unwrap();
    let _ = Config::read_all(&mut settings);
    let shown = shown();
    let of_leptos = ["leptos.site-addr", "leptos.site-root"];
    let mut listed: BTreeMap<&str, &str> = shown.iter().map(|shown| (shown.key.as_str(), shown.variable)).collect();
    assert_eq!(listed.len(), shown.len(), "a setting is shown twice");
    for key in of_leptos {
        let variable = settings.known()[key];
        assert!(SHIPPED.contains(&format!(" {variable}\n{}", key.strip_prefix("leptos.").unwrap())), "{key}");
        listed.insert(key, variable);
    }
    assert_eq!(&listed, settings.known());
}

#[test]
fn shipped_file_shows_the_defaults() {
    let (demo, key) = ([].as_slice(), [("GEMINI_API_KEY", "key")].as_slice());
    assert_eq!(described(SHIPPED, demo), described("", demo));
    let bare = [demo, key].map(|variables| described("", variables));
    // Some defaults depend on the key. The file shows one of the two, and names the other in a comment.
    for Shown { key: name, file, .. } in shown() {
        let set = [demo, key].map(|variables| described(&file, variables));
        assert!(set[0] == bare[0] || set[1] == bare[1], "{name} has another default than the file shows");
    }
}

#[test]
fn setting_of_an_earlier_version_is_ignored_with_a_warning() {
    let env = |name: &str| (name == "COLDBREW_POLLS_MAX").then(|| "9".to_owned());
    let config = Config::read("[rendering]\npage-timeout-ms = 1\n", env).unwrap();
    let named = |name: &str| config.warnings.iter().any(|warning| warning.starts_with(name));
    assert!(config.warnings.len() == 2 && named("COLDBREW_POLLS_MAX") && named("rendering.page-timeout-ms"));
    assert!(Config::read("", |_| None).unwrap().warnings.is_empty());
}

#[test]
fn guest_of_a_server_that_others_reach_has_less_engine_time() {
    let (key, everywhere) = (("GEMINI_API_KEY", "key"), ("LEPTOS_SITE_ADDR", "0.0.0.0:80"));
    let (public, here) = (("COLDBREW_PUBLIC_URL", "https://coldbrew.example"), ("LEPTOS_SITE_ADDR", "[::1]:80"));
    let shares = |settings: &[(&str, &str)]| {
        let find = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Config::read("", find).unwrap().shares
    };
    for open in [[key, everywhere], [key, public]] {
        let EngineShares { member, guest } = shares(&open);
        assert_eq!((guest.workers_max, guest.seconds_per_hour), (1, 600), "{open:?}");
        assert_eq!((member.workers_max, member.seconds_per_hour), (3, 7_200));
    }
    for own in [[key, here], [everywhere, public]] {
        let EngineShares { member, guest } = shares(&own);
        assert_eq!((guest, guest.seconds_per_hour), (member, 0), "{own:?}");
    }
}

#[test]
fn server_that_others_reach_is_a_lame_duck_for_five_seconds() {
    let lame_duck_ms = |variables: &[(&str, &str)]| {
        let find =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Config::read("", find).unwrap().lame_duck.as_millis()
    };
    let (key, everywhere) = (("GEMINI_API_KEY", "key"), ("LEPTOS_SITE_ADDR", "0.0.0.0:80"));
    assert_eq!(lame_duck_ms(&[key, everywhere]), 5_000);
    assert_eq!(lame_duck_ms(&[key, ("COLDBREW_PUBLIC_URL", "https://coldbrew.example")]), 5_000);
    assert_eq!([lame_duck_ms(&[]), lame_duck_ms(&[key])], [0, 0], "no load balancer is before a private server");
    assert_eq!(lame_duck_ms(&[key, ("COLDBREW_LAME_DUCK_MS", "9000")]), 9_000);
}

#[test]
fn leptos_options_equal_those_of_the_manifest() {
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
fn variables_take_precedence_and_secrets_are_not_shown() {
    let env = |name: &str| match name {
        "GEMINI_API_KEY" => Some("AIza-secret".to_owned()),
        "LEPTOS_SITE_ADDR" => Some("127.0.0.1:4000".to_owned()),
        _ => None,
    };
    let config = Config::read(SHIPPED, env).unwrap();
    assert_eq!(config.server.addr.port(), 4000);
    assert_eq!(config.worker.timing.poll_ms, 15_000, "with a key, the interval for Google");
    assert!(!format!("{config:?}").contains("AIza-secret"));
}

#[test]
fn invalid_values_are_mistakes_that_show_no_password() {
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
fn proxies_not_listed_are_private_networks() {
    let read = |header: &str, networks: &str, hops: &str| {
        let set = BTreeMap::from([
            ("COLDBREW_CLIENT_ADDRESS_HEADER", header.to_owned()),
            ("COLDBREW_PROXY_NETWORKS", networks.to_owned()),
            ("COLDBREW_PROXY_HOPS", hops.to_owned()),
        ]);
        Config::read("", move |name| set.get(name).cloned()).map(|config| config.site.proxies)
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
fn host_with_more_than_a_name_is_a_mistake() {
    for wrong in ["one.example:3000", "https://one.example", "one.example/", "a@b"] {
        let env = |name: &str| (name == "COLDBREW_HOSTS").then(|| wrong.to_owned());
        assert!(Config::read("", env).is_err(), "{wrong}");
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
        "BLOB_URL" => Some("s3://bucket".to_owned()),
        _ => name
            .strip_suffix("_FILE")
            .filter(|name| secrets.iter().any(|(secret, _)| secret == name))
            .map(|name| folder.path().join(name).to_str().unwrap().to_owned()),
    };
    let config = Config::read(SHIPPED, env).unwrap();
    let s3 = config.storage.s3.as_ref().unwrap();
    let read = [
        config.gemini.api_key.as_ref(),
        Some(&config.storage.database_url),
        config.storage.redis_url.as_ref(),
        s3.access_key.as_ref(),
        s3.secret_key.as_ref(),
        config.server.metrics_token.as_ref(),
        config.provider.as_ref().unwrap().client_secret.as_ref(),
    ];
    let read = read.map(|secret| secret.map(|secret| &**secret));
    assert_eq!(read, secrets.map(|(_, secret)| Some(secret)));
    assert!(!format!("{config:?}").contains("the-key"));
}
