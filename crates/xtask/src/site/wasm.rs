//! Compiles the library for the browser, binds it to JavaScript and shrinks it.
//!
//! Cargo decides whether the library is up to date, since it knows which files the `hydrate` feature uses. Binding and shrinking are
//! skipped while the compiled library is identical.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use super::Profile;
use crate::error::Error;
use crate::layout::{Layout, OUTPUT_NAME, run};

const TARGET: &str = "wasm32-unknown-unknown";
/// The toolchain that `scripts/setup` links where rustup cannot download the target.
const FALLBACK_TOOLCHAIN: &str = "debian";
/// `-Oz` with exactly the WebAssembly features that the compiler uses, so that the output needs no newer browser than the input.
const WASM_OPT_ARGUMENTS: [&str; 9] = [
    "-Oz",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// The files that the browser loads, before they have their published names.
pub struct Library {
    pub js: Vec<u8>,
    pub wasm: Vec<u8>,
    /// The folder of JavaScript files that come with crates. `js` imports them by relative path, so they keep their names.
    pub snippets: PathBuf,
}

/// Builds the library.
///
/// # Errors
/// If there is no toolchain for wasm, a tool fails, or a file cannot be read or written.
pub fn build(layout: &Layout, profile: Profile) -> Result<Library, Error> {
    // A separate target folder, so that this build neither locks nor invalidates that of the server.
    let target = layout.target.join("wasm");
    let compiled = compile(layout, profile, &target)?;
    let bound = target.join(match profile {
        Profile::Development => "bound-development",
        Profile::Release => "bound-release",
    });
    let paths = [bound.join(format!("{OUTPUT_NAME}.js")), bound.join(format!("{OUTPUT_NAME}_bg.wasm"))];
    let stamp = bound.join("made-from");
    let made_from = fingerprint(layout, &compiled)?;
    if fs::read_to_string(&stamp).unwrap_or_default() != made_from {
        bind(&compiled, &bound, profile)?;
        if profile == Profile::Release {
            shrink(layout, &paths[1])?;
        }
        fs::write(&stamp, made_from).map_err(Error::at(&stamp))?;
    }
    let [js, wasm] = paths.map(|path| fs::read(&path).map_err(Error::at(&path)));
    Ok(Library { js: js?, wasm: wasm?, snippets: bound.join("snippets") })
}

fn compile(layout: &Layout, profile: Profile, target: &Path) -> Result<PathBuf, Error> {
    let profile = match profile {
        Profile::Development => "wasm-dev",
        Profile::Release => "wasm-release",
    };
    let mut cargo = layout.cargo();
    cargo.args(["build", "--quiet", "--lib", "--no-default-features", "--features", "hydrate"]);
    cargo.args(["--target", TARGET, "--profile", profile, "--target-dir"]).arg(target);
    if let Some(toolchain) = toolchain_override()? {
        cargo.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    run(&mut cargo)?;
    Ok(target.join(TARGET).join(profile).join(format!("{OUTPUT_NAME}.wasm")))
}

/// The toolchain for rustup: none if the current one has the wasm target, else the fallback.
fn toolchain_override() -> Result<Option<&'static str>, Error> {
    if has_target(&mut Command::new("rustc")) {
        Ok(None)
    } else if has_target(Command::new("rustc").env("RUSTUP_TOOLCHAIN", FALLBACK_TOOLCHAIN)) {
        Ok(Some(FALLBACK_TOOLCHAIN))
    } else {
        Err(Error::NoWasmTarget)
    }
}

fn has_target(rustc: &mut Command) -> bool {
    let output = rustc.args(["--print", "target-libdir", "--target", TARGET]).stderr(Stdio::null()).output();
    output.is_ok_and(|output| {
        output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

/// A hash of everything that binding and shrinking depend on.
fn fingerprint(layout: &Layout, compiled: &Path) -> Result<String, Error> {
    let tools = layout.root.join("crates/xtask/package-lock.json");
    let mut hash = Sha256::new();
    for path in [compiled, &tools] {
        hash.update(fs::read(path).map_err(Error::at(path))?);
    }
    let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{hash} {}", WASM_OPT_ARGUMENTS.join(" ")))
}

fn bind(compiled: &Path, bound: &Path, profile: Profile) -> Result<(), Error> {
    println!("site: binding it to JavaScript");
    if bound.exists() {
        fs::remove_dir_all(bound).map_err(Error::at(bound))?;
    }
    let strip = profile == Profile::Release;
    let mut bindgen = Bindgen::new();
    bindgen.input_path(compiled).out_name(OUTPUT_NAME).typescript(false);
    // The page passes the hashed path of the wasm file.
    bindgen.omit_default_module_path(true).remove_name_section(strip).remove_producers_section(strip);
    bindgen.web(true).and_then(|bindgen| bindgen.generate(bound)).map_err(|error| Error::Bindgen(format!("{error:#}")))
}

fn shrink(layout: &Layout, wasm: &Path) -> Result<(), Error> {
    println!("site: shrinking it");
    let tool = layout.root.join("crates/xtask/node_modules/.bin/wasm-opt");
    run(Command::new(tool).args(WASM_OPT_ARGUMENTS).arg(wasm).arg("--output").arg(wasm))
}
