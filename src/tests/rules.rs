//! Rules that the compiler cannot enforce: which module can import which, and that documents name things that exist.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The text of a file, by its path from the root of the repository.
fn text_of(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// All Rust files below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| if path.is_dir() { rust_files(&path) } else { vec![path] };
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    paths.flat_map(below).filter(is_rust).collect()
}

/// All source files without tests: the path below `src`, and the code.
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

/// The modules that a file names: `x` of every `crate::x`.
fn named_modules(code: &str) -> Vec<&str> {
    code.split("crate::")
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
        .filter(|module| !module.is_empty())
        .collect()
}

/// The top-level modules, lowest first: each imports only modules before it. `app`, `serve`, `main` and `lib` can import all of them.
const MODULES: [&str; 19] = [
    "model",
    "settings",
    "crash",
    "changes",
    "error",
    "clock",
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
/// The number of modules, from the first on, that every later module can import.
const BASE: usize = 7;
/// The modules of the use cases. They name no adapter and no entry point.
const USE_CASES: [&str; 8] =
    ["markdown", "accounts", "extract", "uploads", "documents", "jobs", "retention", "operations"];

/// The top-level module of a file.
fn module_of(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap()
}

#[test]
fn modules_import_only_lower_modules() {
    let height = |module: &str| MODULES.iter().position(|lower| *lower == module);
    for (name, code) in sources() {
        let Some(own) = height(module_of(&name)) else {
            let is_top = ["app", "serve", "lib", "main"].contains(&module_of(&name));
            assert!(is_top, "MODULES does not have the module of {name}");
            continue;
        };
        assert!(!code.contains("crate::{"), "{name} imports several modules at once, which this test does not see");
        for named in named_modules(&code).into_iter().filter(|named| *named != module_of(&name)) {
            assert!(height(named).is_some_and(|named| named < own), "{name} imports crate::{named}");
        }
    }
}

/// The parts of a text in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn modules_import_only_what_the_map_allows() {
    let architecture = text_of("ARCHITECTURE.md");
    let rows = architecture.lines().filter_map(|line| line.strip_prefix("| `src/")?.split_once('`'));
    let map: Vec<(&str, Vec<&str>)> = rows
        .filter(|(_, rest)| rest.matches('|').count() == 3)
        .map(|(path, rest)| {
            (module_of(path), quoted(rest.trim_end_matches(" |").rsplit('|').next().unwrap()).collect())
        })
        .collect();
    assert_eq!(map.iter().map(|(module, _)| *module).take(MODULES.len()).collect::<Vec<_>>(), MODULES);
    for (name, code) in sources() {
        let height = MODULES.iter().position(|lower| *lower == module_of(&name));
        let Some(height) = height.filter(|height| *height >= BASE) else { continue };
        for named in named_modules(&code).into_iter().filter(|named| *named != module_of(&name)) {
            let allowed = MODULES[..BASE].contains(&named) || map[height].1.contains(&named);
            assert!(allowed, "{name} imports crate::{named}, which the map in ARCHITECTURE.md does not allow");
        }
    }
}

#[test]
fn model_uses_no_io_library() {
    for (name, code) in sources().iter().filter(|(name, _)| is_in(name, "model")) {
        for library in
            ["tokio::", "leptos::", "axum::", "sqlx::", "reqwest::", "std::fs", "std::net", "std::time::SystemTime"]
        {
            assert!(!code.contains(library), "{name} uses {library}");
        }
    }
}

#[test]
fn app_imports_only_the_model_and_its_server_functions_only_web() {
    for (name, code) in sources().iter().filter(|(name, _)| is_in(name, "app")) {
        for module in named_modules(code) {
            let is_allowed = ["app", "model"].contains(&module) || (is_in(name, "app/server") && module == "web");
            assert!(is_allowed, "{name} names crate::{module}");
        }
    }
}

#[test]
fn only_lib_distinguishes_server_and_browser() {
    for (name, code) in sources().iter().filter(|(name, _)| name != "lib.rs") {
        for side in ["ssr", "hydrate"] {
            assert!(!code.contains(&format!("cfg(feature = \"{side}\"")), "{name}");
        }
    }
}

#[test]
fn use_cases_name_no_adapter_and_no_entry_point() {
    for (name, code) in sources().iter().filter(|(name, _)| USE_CASES.iter().any(|module| is_in(name, module))) {
        for library in ["sqlx", "redis", "object_store", "axum", "leptos"] {
            assert!(!code.contains(&format!("{library}::")), "{name} names {library}");
        }
    }
}

#[test]
fn settings_are_read_by_their_modules_and_collected_in_serve() {
    for (name, code) in sources() {
        assert!(is_in(&name, "serve") || !code.contains("crate::serve"), "{name} names serve");
        assert!(!is_in(&name, "settings") || named_modules(&code).is_empty(), "{name} names another module");
        // `crash` reads the crash point that a test sets, and `serve/site` whether `cargo xtask dev` runs.
        let is_allowed = ["serve/config", "serve/site", "crash"].iter().any(|module| is_in(&name, module));
        assert!(is_allowed || !code.contains("env::var("), "{name} reads an environment variable");
    }
}

#[test]
fn only_store_uses_sql_and_redis() {
    for (name, code) in sources() {
        assert!(is_in(&name, "store/sql") || !code.contains("sqlx::"), "{name}");
        assert!(is_in(&name, "store/tracking") || !code.contains("redis::"), "{name}");
        for search in ["SCAN", ".scan", "KEYS(", ".keys(\""] {
            assert!(!is_in(&name, "store/tracking") || !code.contains(search), "{name} scans keys");
        }
    }
}

#[test]
fn only_clock_reads_time_and_makes_random_values() {
    for (name, code) in sources().iter().filter(|(name, _)| !is_in(name, "clock")) {
        for source in ["SystemTime::now", "Instant::now", "Timestamp::now", "rand::", "Uuid::now"] {
            assert!(!code.contains(source), "{name} uses {source}");
        }
    }
}

/// The crates of this repository that each crate can depend on. `pdf` depends on itself to enable a feature for its tests.
#[test]
fn crates_do_not_depend_on_the_server() {
    let allowed = [
        ("gemini", [].as_slice()),
        ("gemini-emulator", &["coldbrew-gemini"]),
        ("pdf", &["coldbrew-pdf"]),
        ("xtask", &[]),
    ];
    for (name, allowed) in allowed {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates").join(name).join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).unwrap();
        let local = manifest.lines().filter(|line| line.starts_with("coldbrew") || line.contains("path ="));
        let named: Vec<&str> = local.map(|line| line.split(['.', ' ']).next().unwrap()).collect();
        assert_eq!(named, allowed, "{name}");
    }
}

/// An account is an operator only by `Operators::authorize()`. The command line needs no role.
#[test]
fn only_commands_act_as_the_command_line() {
    for (name, code) in sources().iter().filter(|(name, _)| name != "accounts/operators.rs") {
        assert!(is_in(name, "serve/operator") || !code.contains("command_line()"), "{name} acts as the command line");
    }
}

#[test]
fn every_module_has_a_module_comment() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (name, _) in sources() {
        let text = fs::read_to_string(src.join(&name)).unwrap();
        assert!(text.starts_with("//! "), "{name} has no module comment");
    }
}

#[test]
fn server_functions_are_short() {
    let text = text_of("src/app/server.rs");
    for function in text.split("#[server(").skip(1) {
        let body = function.split("\n}\n").next().unwrap();
        assert!(body.lines().count() <= 17, "a server function is too long:\n{body}");
    }
}

/// The paths and texts of all Rust files, with tests.
fn all_files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["src", "crates", "benches"].map(|folder| rust_files(&root.join(folder))).concat();
    files.iter().map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap())).collect()
}

fn all_code() -> String {
    all_files().into_iter().map(|(_, text)| text).collect()
}

/// Settings and tests are the names in backticks in the tables of these documents.
#[test]
fn documents_name_settings_and_tests_that_exist() {
    let (settings, code) = (text_of("Leptos.toml"), all_code());
    for document in ["docs/THREATS.md", "docs/INVARIANTS.md", "ARCHITECTURE.md"] {
        let text = text_of(document);
        for name in text.lines().filter(|line| line.starts_with('|')).flat_map(quoted) {
            let is_test = name.contains('_')
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte));
            let setting = name.split_once('.').map(|(_, key)| key).filter(|key| key.contains('-'));
            if is_test {
                assert!(code.contains(&format!("fn {name}(")), "{document}: there is no test {name}");
            } else if let Some(key) = setting.filter(|_| !name.contains('/')) {
                assert!(settings.contains(&format!("# {key} = ")), "{document}: there is no setting {name}");
            }
        }
    }
}

/// Retired words with another meaning in the standard library, a protocol or plain English.
const OTHER_MEANINGS: [&str; 6] = ["Read", "Seek", "batch", "wake", "tidy", "unreachable"];

/// The identifiers of a Rust file, without comments and string literals.
fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let outside_strings = code.flat_map(|line| line.split('"').step_by(2));
    outside_strings
        .flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|word| !word.is_empty())
}

/// In the last column of the glossary, a word in backticks is a retired identifier. Any other word must not be part of an identifier.
#[test]
fn retired_words_are_not_used_as_identifiers() {
    let glossary = text_of("docs/GLOSSARY.md");
    let rows = glossary.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|')?.rsplit_once('|'));
    let retired =
        rows.flat_map(|(_, retired)| retired.split(',')).map(str::trim).filter(|word| !["", "retired"].contains(word));
    let (names, parts): (Vec<&str>, Vec<&str>) =
        retired.filter(|word| !word.contains(' ')).partition(|word| word.starts_with('`'));
    let names: HashSet<&str> =
        names.into_iter().flat_map(quoted).filter(|name| !OTHER_MEANINGS.contains(name)).collect();
    let parts: HashSet<&str> = parts.into_iter().filter(|part| part.chars().all(char::is_alphabetic)).collect();
    assert!(names.len() > 30 && parts.len() >= 4, "the glossary's tables were not parsed: {names:?} {parts:?}");
    for (path, text) in all_files() {
        for identifier in identifiers(&text) {
            let has_retired = identifier.to_lowercase().split('_').any(|part| parts.contains(part));
            assert!(!names.contains(identifier) && !has_retired, "{path}: docs/GLOSSARY.md retires {identifier}");
        }
    }
}

/// The rows of the document must have all ids in order: `M1` to `M6` and so on.
#[test]
fn every_invariant_names_its_tests() {
    let document = text_of("docs/INVARIANTS.md");
    let counts = [("M", 6), ("J", 10), ("U", 5), ("S", 3), ("C", 5)];
    let ids = counts.iter().flat_map(|(group, count)| (1..=*count).map(move |number| format!("{group}{number}")));
    let rows: Vec<Vec<&str>> = document.lines().map(|line| line.split(" | ").collect()).collect();
    let rows = rows.into_iter().filter(|row| row.len() == 3 && row[0].ends_with(|last: char| last.is_ascii_digit()));
    let rows: Vec<(&str, &str)> = rows.map(|row| (row[0].trim_start_matches("| "), row[2])).collect();
    assert_eq!(rows.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids.collect::<Vec<_>>());
    for (id, tests) in rows {
        let is_named = quoted(tests).any(|name| name.contains('_') && !name.contains('/'));
        assert!(is_named || tests.contains("No test yet"), "{id} names no test and does not say `No test yet`");
    }
}

/// The documents for contributors and operators. Of the changelog only the unreleased part, since old entries name old paths.
fn documents() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let in_docs =
        fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let in_docs = in_docs.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}"));
    let changelog = text_of("CHANGELOG.md");
    let unreleased = changelog.split("\n## ").find(|part| part.starts_with("[Unreleased]")).unwrap();
    let at_the_top =
        ["ARCHITECTURE.md", "BENCHMARKS.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"].map(str::to_owned);
    let read = in_docs.chain(at_the_top).map(|name| (name.clone(), text_of(&name)));
    read.chain([("CHANGELOG.md".to_owned(), unreleased.to_owned())]).collect()
}

/// Whether a name is a path in this repository: it has a slash or a known ending, and is neither absolute nor ignored by Git.
fn is_path(name: &str, ignored: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte));
    let kinds = ["rs", "toml", "md", "ts", "css", "lua", "sql", "yaml", "service"];
    let is_file = name.rsplit_once('.').is_some_and(|(_, kind)| kinds.contains(&kind));
    let is_tracked = !ignored.lines().any(|folder| folder.starts_with('/') && format!("/{name}/").starts_with(folder));
    plain && !name.starts_with('/') && is_tracked && (name.contains('/') || is_file)
}

/// A `function()` must exist in any file, or in the named one if it is written as "`function()` in `file`".
#[test]
fn documents_name_paths_and_functions_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (ignored, code) = (text_of(".gitignore"), all_code());
    let has = |code: &str, function: &str| ["(", "<"].iter().any(|next| code.contains(&format!("fn {function}{next}")));
    for (document, text) in documents() {
        let parts: Vec<&str> = text.split('`').collect();
        for (at, name) in parts.iter().enumerate().skip(1).step_by(2) {
            assert!(!is_path(name, &ignored) || root.join(name).exists(), "{document}: there is no {name}");
            let Some(function) = name.strip_suffix("()") else { continue };
            assert!(has(&code, function), "{document}: there is no function {name}");
            let file = parts.get(at + 2).filter(|_| parts[at + 1].trim() == "in");
            if let Some(file) = file {
                assert!(has(&text_of(file), function), "{document}: there is no function {name} in {file}");
            }
        }
    }
}
