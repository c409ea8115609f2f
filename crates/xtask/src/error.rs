//! What can go wrong in a build command, each with what to do about it.

use std::path::{Path, PathBuf};

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
    #[error("pages cannot be told to load again: port {port}: {source}; does another `make dev` run?")]
    NoReload { port: u16, source: std::io::Error },
    #[error("no toolchain here can build for wasm32-unknown-unknown; run `scripts/setup`, which adds the target")]
    NoWasmTarget,
    #[error("wasm-bindgen: {0}; its version in crates/xtask/Cargo.toml must equal the app's in Cargo.toml")]
    Bindgen(String),
    #[error("{}: only `@import \"file.css\";` of a file in the same folder is understood, found `{rule}`", path.display())]
    StyleImport { path: PathBuf, rule: String },
    #[error("{}: imported twice or by itself; import each file once, from one place", path.display())]
    StyleImportedTwice { path: PathBuf },
}

impl Error {
    /// Turns an I/O error into one that names its file: `fs::read(path).map_err(Error::at(path))`.
    pub fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_owned(), source }
    }
}
