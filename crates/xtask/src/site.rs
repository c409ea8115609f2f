//! Builds the site: the wasm library, its JavaScript, the style sheet and the public files. Names contain a hash of the content.
//!
//! `wasm.rs` compiles and shrinks, `style.rs` joins the style sheets, and `publish.rs` copies the results to the server's folder.
//! A step with unchanged inputs is skipped, so that a repeated build takes less than a second.

mod publish;
mod style;
mod wasm;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::layout::{Layout, finish, start};
use publish::{Hashes, Publisher};

/// How the site is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Fast to build; not shrunk, not compressed.
    Development,
    /// The site of a release.
    Release,
}

/// Builds the site into its folder.
///
/// # Errors
/// If a tool fails, or a file cannot be read or written.
pub fn build(layout: &Layout, profile: Profile) -> Result<(), Error> {
    println!("site: compiling the browser library");
    let library = wasm::build(layout, profile)?;
    let style = style::build(&layout.root.join("style/main.css"))?;

    let mut publisher = Publisher::new(layout, profile);
    let hashes = Hashes {
        js: publisher.hashed("js", &library.js)?,
        wasm: publisher.hashed("wasm", &library.wasm)?,
        css: publisher.hashed("css", style.as_bytes())?,
    };
    publisher.folder(&library.snippets, &layout.pkg.join("snippets"))?;
    publisher.folder(&layout.root.join("public"), &layout.site)?;
    publisher.switch_to(&hashes)
}

/// What visitors get, while cargo builds the server as these arguments of `cargo build` have it: each has long stretches that keep one
/// processor busy. `SERVER_TOOLCHAIN` names another toolchain for the server.
pub fn build_beside(layout: &Layout, server: &[&str]) -> Result<(), Error> {
    let mut cargo = layout.cargo();
    cargo.arg("build").args(server);
    if let Some(toolchain) = std::env::var_os("SERVER_TOOLCHAIN") {
        cargo.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    if server.contains(&"--release") {
        cargo.env("COLDBREW_COMMIT", layout.commit());
    }
    let mut beside = start(&mut cargo)?;
    let site = build(layout, Profile::Release);
    finish(&cargo, beside.wait())?;
    site
}

/// All files below a folder, sorted; none if there is no such folder.
///
/// # Errors
/// If a folder cannot be listed.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder).map_err(Error::at(folder))? {
        let path = entry.map_err(Error::at(folder))?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
