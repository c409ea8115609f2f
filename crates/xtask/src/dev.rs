//! `cargo xtask dev`: serves a development build, rebuilds it when a source file changes, and reloads open pages.
//!
//! It polls, which needs no library and works on every file system.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use crate::error::Error;
use crate::layout::{self, Layout, OUTPUT_NAME, run};
use crate::reload::{Pages, await_server};
use crate::site::{self, Profile, files_below};

const WATCHED: [&str; 7] = ["Cargo.lock", "Cargo.toml", "Leptos.toml", "crates", "public", "src", "style"];
/// With this variable, Leptos' `AutoReload` adds its script to pages.
const WATCH: &str = "LEPTOS_WATCH";
const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// Runs until it is interrupted. If a build fails, the last server keeps running.
///
/// # Errors
/// If source files cannot be listed, or the server cannot be started or stopped.
pub fn serve_and_rebuild(layout: &Layout) -> Result<(), Error> {
    let pages = Pages::listen()?;
    let mut server = None;
    loop {
        let built_from = modification_times(layout)?;
        match build(layout) {
            Ok(()) => {
                if let Some(running) = server.take() {
                    stop(running)?;
                }
                server = Some(start(layout)?);
                await_server();
                pages.reload();
            }
            Err(error) => eprintln!("dev: {error}"),
        }
        println!("dev: waiting for a change in {}", WATCHED.join(", "));
        while modification_times(layout)? == built_from {
            sleep(POLL_INTERVAL);
        }
    }
}

fn build(layout: &Layout) -> Result<(), Error> {
    println!("dev: building the server");
    run(layout.cargo().args(["build", "--bin", OUTPUT_NAME]))?;
    site::build(layout, Profile::Development)
}

fn start(layout: &Layout) -> Result<Child, Error> {
    layout::start(Command::new(layout.development_server()).current_dir(&layout.root).arg("serve").env(WATCH, "true"))
}

/// Sends SIGTERM to the server and waits until it ends.
fn stop(mut server: Child) -> Result<(), Error> {
    let program = PathBuf::from(OUTPUT_NAME);
    if server.try_wait().map_err(Error::at(&program))?.is_none() {
        run(Command::new("kill").arg(server.id().to_string()))?;
    }
    server.wait().map(|_| ()).map_err(Error::at(&program))
}

/// The modification time of every watched file. Added and removed files change the map too.
fn modification_times(layout: &Layout) -> Result<BTreeMap<PathBuf, SystemTime>, Error> {
    let mut times = BTreeMap::new();
    for watched in WATCHED {
        let path = layout.root.join(watched);
        let files = if path.is_dir() { files_below(&path)? } else { vec![path] };
        for file in files {
            // An editor may be replacing the file. The next poll then finds it.
            if let Ok(time) = fs::metadata(&file).and_then(|file| file.modified()) {
                times.insert(file, time);
            }
        }
    }
    Ok(times)
}
