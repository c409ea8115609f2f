//! Paths in the checkout and the target folder, and helpers to run other programs.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};

use crate::error::Error;

/// The base name of the files that the browser loads. Equals `output-name` in `Cargo.toml`'s `[package.metadata.leptos]`.
pub const OUTPUT_NAME: &str = "coldbrew";

/// The prefixes of variables that `cargo run` sets for this program.
const CARGO_RUN_PREFIXES: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// The folders of a build.
#[derive(Debug)]
pub struct Layout {
    /// The checkout.
    pub root: PathBuf,
    /// Cargo's target folder: `CARGO_TARGET_DIR`, else `target` in the checkout.
    pub target: PathBuf,
    /// The static files of the server. Equals `site-root` in `[package.metadata.leptos]`, so it is not below `CARGO_TARGET_DIR`.
    pub site: PathBuf,
    /// The hashed files within `site`.
    pub pkg: PathBuf,
}

impl Layout {
    /// The layout of the checkout that this package is in.
    ///
    /// # Errors
    /// If this program was not started by Cargo.
    pub fn from_environment() -> Result<Self, Error> {
        const MANIFEST: &str = "CARGO_MANIFEST_DIR";
        let manifest = std::env::var_os(MANIFEST).ok_or(Error::NotUnderCargo(MANIFEST))?;
        let mut root = PathBuf::from(manifest);
        // From `crates/xtask` to the root.
        root.pop();
        root.pop();
        let target = root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
        let site = root.join("target/site");
        let pkg = site.join("pkg");
        Ok(Self { root, target, site, pkg })
    }

    /// Cargo in the checkout, without the variables that `cargo run` sets. With them, some build scripts and their dependents would be
    /// built again after each change between `cargo xtask` and `cargo build`.
    pub fn cargo(&self) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            if CARGO_RUN_PREFIXES.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                cargo.env_remove(name);
            }
        }
        cargo
    }

    /// What `coldbrew --version` says of a release: `COLDBREW_COMMIT` if it is set, else the commit of the checkout, with `-dirty` if files
    /// differ from it.
    pub fn commit(&self) -> String {
        let told = std::env::var("COLDBREW_COMMIT").unwrap_or_default();
        if !told.is_empty() {
            return told;
        }
        let mut git = Command::new("git");
        git.current_dir(&self.root).args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]);
        let said = git.output().ok().filter(|output| output.status.success());
        let commit = said.and_then(|output| String::from_utf8(output.stdout).ok());
        commit.map_or_else(|| "commit unknown".to_owned(), |commit| commit.trim().to_owned())
    }

    /// The server in the development profile.
    pub fn development_server(&self) -> PathBuf {
        self.target.join("debug").join(OUTPUT_NAME)
    }
}

/// Runs a program to its end, with its output on this program's.
///
/// # Errors
/// If it cannot be started or fails.
pub fn run(command: &mut Command) -> Result<(), Error> {
    let status = start(command)?.wait();
    finish(command, status)
}

/// Starts a program.
///
/// # Errors
/// If it cannot be started.
pub fn start(command: &mut Command) -> Result<Child, Error> {
    command.spawn().map_err(|source| Error::NotStarted { command: shown(command), source })
}

/// Checks the exit status of a program.
///
/// # Errors
/// If it could not be waited for or failed.
pub fn finish(command: &Command, status: io::Result<ExitStatus>) -> Result<(), Error> {
    let status = status.map_err(|source| Error::NotStarted { command: shown(command), source })?;
    if status.success() { Ok(()) } else { Err(Error::Failed { command: shown(command) }) }
}

/// The command line, for messages.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn cargo_gets_no_variables_of_cargo_run() {
        let cargo = Layout::from_environment().unwrap().cargo();
        let removed = |name: &str| cargo.get_envs().any(|(changed, value)| changed == name && value.is_none());
        assert!(removed("CARGO_MANIFEST_DIR") && removed("CARGO_PKG_NAME"), "{cargo:?}");
        assert!(!removed("CARGO_TARGET_DIR") && !removed("PATH"), "{cargo:?}");
    }

    #[test]
    fn commit_outside_of_a_repository_is_unknown() {
        let mut layout = Layout::from_environment().unwrap();
        layout.root = "/".into();
        assert_eq!(layout.commit(), "commit unknown");
    }
}
