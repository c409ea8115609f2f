//! The rules of the house that a compiler cannot enforce: who may know of whom.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| if path.is_dir() { rust_files(&path) } else { vec![path] };
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    paths.flat_map(below).filter(is_rust).collect()
}

/// Each source file of ours with its path below `src`, tests left out.
pub fn sources() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let named = rust_files(&src).into_iter().map(|path| {
        let name = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
        (name, code_of(&fs::read_to_string(path).unwrap()))
    });
    named
        .filter(|(name, _)| !name.starts_with("tests/") && !name.ends_with("tests.rs") && !name.contains("/tests/"))
        .collect()
}

/// The text without comments and without the tests at its end.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\n").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_in(name: &str, module: &str) -> bool {
    name == format!("{module}.rs") || name.starts_with(&format!("{module}/"))
}

/// The modules of ours that a file names: `x` of every `crate::x`.
fn named_modules(code: &str) -> Vec<&str> {
    code.split("crate::")
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
        .filter(|module| !module.is_empty())
        .collect()
}

#[test]
fn the_model_knows_nobody() {
    for (name, code) in sources().iter().filter(|(name, _)| is_in(name, "model")) {
        for module in named_modules(code) {
            assert_eq!(module, "model", "{name}");
        }
        for library in
            ["tokio::", "leptos::", "axum::", "sqlx::", "reqwest::", "std::fs", "std::net", "std::time::SystemTime"]
        {
            assert!(!code.contains(library), "{name} uses {library}");
        }
    }
}

#[test]
fn the_app_knows_the_model_and_its_calls_reach_one_place() {
    for (name, code) in sources().iter().filter(|(name, _)| is_in(name, "app")) {
        for module in named_modules(code) {
            let may = ["app", "model"].contains(&module) || (name == "app/server.rs" && module == "api");
            assert!(may, "{name} names crate::{module}");
        }
        let stray = code.replace("crate::web::", "");
        assert!(!stray.contains("crate::api"), "{name} reaches past api::web");
    }
}

#[test]
fn only_lib_tells_server_and_browser_apart() {
    for (name, code) in sources().iter().filter(|(name, _)| name != "lib.rs") {
        for side in ["ssr", "hydrate"] {
            assert!(!code.contains(&format!("cfg(feature = \"{side}\"")), "{name}");
        }
    }
}

#[test]
fn use_cases_name_no_adapter() {
    let heart = ["batch", "billing", "library", "extract", "accounts", "services"];
    for (name, code) in sources().iter().filter(|(name, _)| heart.iter().any(|module| is_in(name, module))) {
        for adapter in ["store::sql", "store::folder", "store::tracking", "sqlx", "redis", "axum", "leptos"] {
            assert!(!code.contains(adapter), "{name} names {adapter}");
        }
    }
}

#[test]
fn adapters_are_chosen_in_one_place() {
    for (name, code) in sources().iter().filter(|(name, _)| !is_in(name, "serve") && !is_in(name, "store")) {
        for adapter in ["store::sql", "store::folder", "store::tracking"] {
            assert!(!code.contains(adapter), "{name} names {adapter}");
        }
    }
}

#[test]
fn settings_are_read_beside_what_uses_them_and_put_together_in_serve() {
    for (name, code) in sources() {
        assert!(is_in(&name, "serve") || !code.contains("crate::serve"), "{name} names serve");
        assert!(!is_in(&name, "settings") || named_modules(&code).is_empty(), "{name} knows a module of ours");
        let reads = code.contains("env::var(");
        assert!(!reads || is_in(&name, "serve/config") || is_in(&name, "crash"), "{name} reads a variable by itself");
    }
}

#[test]
fn sql_stays_in_its_room() {
    for (name, code) in sources().iter().filter(|(name, _)| !is_in(name, "store/sql")) {
        assert!(!code.contains("sqlx::"), "{name}");
    }
}

#[test]
fn redis_stays_in_its_room_and_is_asked_by_name() {
    for (name, code) in sources() {
        assert!(is_in(&name, "store/tracking") || !code.contains("redis::"), "{name}");
        for search in ["SCAN", ".scan", "KEYS(", ".keys(\""] {
            assert!(!is_in(&name, "store/tracking") || !code.contains(search), "{name} searches for keys");
        }
    }
}

#[test]
fn time_and_chance_come_in_as_arguments() {
    for (name, code) in sources().iter().filter(|(name, _)| !is_in(name, "world")) {
        for source in ["SystemTime::now", "Instant::now", "Timestamp::now", "rand::", "Uuid::now"] {
            assert!(!code.contains(source), "{name} uses {source}");
        }
    }
}

/// What each crate of ours may depend on, of ours.
#[test]
fn crates_know_nothing_of_the_product() {
    let allowed = [("gemini", [].as_slice()), ("gemini-emulator", &["coldbrew-gemini"]), ("pdf", &[]), ("xtask", &[])];
    for (name, allowed) in allowed {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates").join(name).join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).unwrap();
        let ours = manifest.lines().filter(|line| line.starts_with("coldbrew") || line.contains("path ="));
        let named: Vec<&str> = ours.map(|line| line.split(['.', ' ']).next().unwrap()).collect();
        assert_eq!(named, allowed, "{name}");
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (name, _) in sources() {
        let text = fs::read_to_string(src.join(&name)).unwrap();
        assert!(text.starts_with("//! "), "{name} does not say what it is for");
    }
}

#[test]
fn server_functions_are_thin() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app/server.rs")).unwrap();
    for function in text.split("#[server(").skip(1) {
        let body = function.split("\n}\n").next().unwrap();
        assert!(body.lines().count() <= 17, "a server function is too long:\n{body}");
    }
}

/// What `docs/THREATS.md` names in its columns of limits and tests.
#[test]
fn threats_name_settings_and_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let threats = fs::read_to_string(root.join("docs/THREATS.md")).unwrap();
    let settings = fs::read_to_string(root.join("Leptos.toml")).unwrap();
    let files = ["src", "crates"].map(|folder| rust_files(&root.join(folder))).concat();
    let tests: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for line in threats.lines().filter(|line| line.starts_with('|')) {
        let names: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        for name in names {
            let is_test = name.contains('_')
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte));
            let setting = name.split_once('.').map(|(_, key)| key).filter(|key| key.contains('-'));
            if is_test {
                assert!(tests.contains(&format!("fn {name}(")), "there is no test {name}");
            } else if let Some(key) = setting {
                assert!(settings.contains(&format!("# {key} = ")), "there is no setting {name}");
            }
        }
    }
}
