//! The errors of build commands. Each message says what to do.

use std::path::{Path, PathBuf};

/// An error of a build command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Usage(&'static str),
    #[error("run this through cargo: `cargo xtask …` ({0} is not set)")]
    NotUnderCargo(&'static str),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("`{command}` could not be started: {source}; `scripts/setup` installs what is missing")]
    NotStarted { command: String, source: std::io::Error },
    #[error("`{command}` failed; its own messages are above")]
    Failed { command: String },
    #[error("cannot listen on port {port} to reload pages: {source}; does another `make dev` run?")]
    NoReload { port: u16, source: std::io::Error },
    #[error("no toolchain has the target wasm32-unknown-unknown; run `scripts/setup`, which adds it")]
    NoWasmTarget,
    #[error("wasm-bindgen: {0}; its version in crates/xtask/Cargo.toml must equal the app's in Cargo.toml")]
    Bindgen(String),
    #[error("{}: only `@import \"file.css\";` of a file in the same folder is supported, found `{rule}`", path.display())]
    StyleImport { path: PathBuf, rule: String },
    #[error("{}: imported twice or by itself; import each file once, from one place", path.display())]
    StyleImportedTwice { path: PathBuf },
}

impl Error {
    /// Adds the path to an I/O error: `fs::read(path).map_err(Error::at(path))`.
    pub fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_owned(), source }
    }
}
