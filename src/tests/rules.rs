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

/// The rooms, lowest first: each imports only rooms above it in this list. `app`, `serve`, `main` and `lib` stand above all of them.
const ROOMS: [&str; 19] = [
    "model",
    "settings",
    "crash",
    "changes",
    "error",
    "world",
    "metrics",
    "markdown",
    "accounts",
    "extract",
    "uploads",
    "telemetry",
    "documents",
    "jobs",
    "retention",
    "operations",
    "api",
    "web",
    "store",
];
/// The rooms that decide what the product does. They name no adapter and no way in.
const USE_CASES: [&str; 8] =
    ["markdown", "accounts", "extract", "uploads", "documents", "jobs", "retention", "operations"];

/// The room of a file of ours.
fn room(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap()
}

#[test]
fn rooms_import_only_lower_rooms() {
    let height = |room: &str| ROOMS.iter().position(|lower| *lower == room);
    for (name, code) in sources() {
        let Some(own) = height(room(&name)) else {
            assert!(["app", "serve", "lib", "main"].contains(&room(&name)), "ROOMS does not name the room of {name}");
            continue;
        };
        for named in named_modules(&code).into_iter().filter(|named| *named != room(&name)) {
            assert!(height(named).is_some_and(|named| named < own), "{name} imports crate::{named}");
        }
    }
}

#[test]
fn model_uses_no_library_of_io() {
    for (name, code) in sources().iter().filter(|(name, _)| is_in(name, "model")) {
        for library in
            ["tokio::", "leptos::", "axum::", "sqlx::", "reqwest::", "std::fs", "std::net", "std::time::SystemTime"]
        {
            assert!(!code.contains(library), "{name} uses {library}");
        }
    }
}

#[test]
fn app_imports_only_the_model_and_its_calls_only_the_web_room() {
    for (name, code) in sources().iter().filter(|(name, _)| is_in(name, "app")) {
        for module in named_modules(code) {
            let may = ["app", "model"].contains(&module) || (is_in(name, "app/server") && module == "web");
            assert!(may, "{name} names crate::{module}");
        }
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
fn use_cases_name_no_adapter_and_no_way_in() {
    for (name, code) in sources().iter().filter(|(name, _)| USE_CASES.iter().any(|module| is_in(name, module))) {
        for library in ["sqlx", "redis", "object_store", "axum", "leptos"] {
            assert!(!code.contains(&format!("{library}::")), "{name} names {library}");
        }
    }
}

#[test]
fn variables_of_the_environment_are_read_in_serve() {
    for (name, _) in sources().iter().filter(|(_, code)| code.contains("env::var(")) {
        assert!(is_in(name, "serve") || is_in(name, "crash"), "{name}");
    }
}

#[test]
fn sql_and_redis_stay_in_their_rooms() {
    for (name, code) in sources() {
        assert!(is_in(&name, "store/sql") || !code.contains("sqlx::"), "{name}");
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

/// What each crate of ours may depend on, of ours. The page engine's tests turn a feature of its own on.
#[test]
fn crates_know_nothing_of_the_product() {
    let allowed = [
        ("gemini", [].as_slice()),
        ("gemini-emulator", &["coldbrew-gemini"]),
        ("pdf", &["coldbrew-pdf"]),
        ("xtask", &[]),
    ];
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
