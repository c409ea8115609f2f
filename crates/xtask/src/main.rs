//! The project's build commands. They replace cargo-leptos, which would have to be installed:
//!
//! - `cargo xtask site [--release]` builds the files that the browser downloads into `target/site`.
//! - `cargo xtask all [CARGO-ARGUMENT…]` builds the release site and, at the same time, runs `cargo build` with these arguments.
//! - `cargo xtask dev` serves a development build, rebuilds it on every change and reloads open pages.
//! - `cargo xtask strings` prints the texts of the web app and the error messages.
//!
//! Of the app, it knows only the name and the folders (`layout.rs`). It installs nothing: `scripts/setup` does. Start reading at `site.rs`.

mod dev;
mod error;
mod layout;
mod reload;
mod site;
mod strings;

use std::process::ExitCode;

use error::Error;
use layout::Layout;
use site::Profile;

const USAGE: &str =
    "usage: cargo xtask site [--release] | cargo xtask all [CARGO-ARGUMENT…] | cargo xtask dev | cargo xtask strings";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Error> {
    let layout = Layout::from_environment()?;
    match arguments {
        ["site"] => site::build(&layout, Profile::Development),
        ["site", "--release"] => site::build(&layout, Profile::Release),
        ["all", server @ ..] => site::build_beside(&layout, server),
        ["dev"] => dev::serve_and_rebuild(&layout),
        ["strings"] => strings::print(&layout),
        _ => Err(Error::Usage(USAGE)),
    }
}
