//! Documents from Debian packages, downloaded once to `target`, and unusual files that `scripts/setup` downloads.

use std::path::{Path, PathBuf};
use std::process::Command;

/// In the place of a package: the unusual files.
#[allow(dead_code, reason = "each benchmark is a program of its own, and not all use these")]
pub const ODD: &str = "odd";

/// The folder of the workspace, for a benchmark of any of its packages.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .ancestors()
        .find(|folder| folder.join("Cargo.lock").exists())
        .expect("a workspace has a lock file")
        .to_owned()
}

/// The file of a package, which is downloaded if it does not exist yet.
///
/// # Panics
/// If the package cannot be downloaded or does not have the file.
pub fn document(package: &str, file: &str) -> PathBuf {
    let root = root();
    let folder = if package == ODD { root.join("vendor/odd") } else { root.join("target/corpus").join(package) };
    if package != ODD && !folder.exists() {
        fetch(package, &folder);
    }
    let path = folder.join(file);
    assert!(path.exists(), "{package} has no {file}");
    path
}

fn fetch(package: &str, folder: &Path) {
    println!("fetching {package}");
    let unfinished = folder.with_extension("unfinished");
    let _ = std::fs::remove_dir_all(&unfinished);
    std::fs::create_dir_all(&unfinished).expect("target can be written to");
    run(Command::new("apt-get").args(["download", "--quiet", package]).current_dir(&unfinished));
    let files = std::fs::read_dir(&unfinished).expect("it was just made");
    let archive =
        files.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|end| end == "deb"));
    let archive = archive.expect("apt-get download leaves a package");
    run(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(&unfinished));
    std::fs::remove_file(archive).expect("it is ours");
    std::fs::rename(unfinished, folder).expect("both are below target");
}

fn run(command: &mut Command) {
    let status = command.status().expect("apt-get and dpkg-deb are there");
    assert!(status.success(), "{command:?} failed: is this Debian, and is `apt-get update` done?");
}
