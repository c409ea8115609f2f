//! Where things are in the checkout and in the target folder, and how other programs are called from here.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};

use crate::error::Error;

/// Base name of what the browser loads; equals `output-name` in `Cargo.toml`'s `[package.metadata.leptos]`.
pub const OUTPUT_NAME: &str = "coldbrew";

/// How variables begin that describe this program to itself.
const TOLD_BY_CARGO: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

#[derive(Debug)]
pub struct Layout {
    /// The checkout.
    pub root: PathBuf,
    /// Cargo's target folder: `CARGO_TARGET_DIR`, else `target` in the checkout.
    pub target: PathBuf,
    /// What the server serves as files; equals `site-root` in `[package.metadata.leptos]`, hence not below `CARGO_TARGET_DIR`.
    pub site: PathBuf,
    /// The hashed files within `site`.
    pub pkg: PathBuf,
}

impl Layout {
    pub fn from_environment() -> Result<Self, Error> {
        const MANIFEST: &str = "CARGO_MANIFEST_DIR";
        let manifest = std::env::var_os(MANIFEST).ok_or(Error::NotUnderCargo(MANIFEST))?;
        let mut root = PathBuf::from(manifest);
        // This package is in `crates/xtask`.
        root.pop();
        root.pop();
        let target = root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
        let site = root.join("target/site");
        let pkg = site.join("pkg");
        Ok(Self { root, target, site, pkg })
    }

    /// Cargo in the checkout, as if a person called it. Build scripts that go by what `cargo run` tells its program would else run again,
    /// and all that depends on them be compiled again, whenever the other of the two ways was taken before.
    pub fn cargo(&self) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            if TOLD_BY_CARGO.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                cargo.env_remove(name);
            }
        }
        cargo
    }

    /// What `coldbrew --version` says of a release: `BUILD_COMMIT` if it is set, else the commit of the checkout, with `-dirty` if files
    /// differ from it.
    pub fn commit(&self) -> String {
        let told = std::env::var("BUILD_COMMIT").unwrap_or_default();
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

/// Runs a program to its end, its output shown as it comes.
pub fn run(command: &mut Command) -> Result<(), Error> {
    let status = start(command)?.wait();
    finish(command, status)
}

/// Starts a program.
pub fn start(command: &mut Command) -> Result<Child, Error> {
    command.spawn().map_err(|source| Error::NotStarted { command: shown(command), source })
}

/// What became of a program.
pub fn finish(command: &Command, status: io::Result<ExitStatus>) -> Result<(), Error> {
    let status = status.map_err(|source| Error::NotStarted { command: shown(command), source })?;
    if status.success() { Ok(()) } else { Err(Error::Failed { command: shown(command) }) }
}

/// The command as a person would type it, for messages.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_called_as_a_person_would() {
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
