//! Publishes the built files, so that a running server always serves a complete site.
//!
//! First, new files are renamed into place beside the old ones. Then `hash.txt` names them; Leptos reads it for every page that it renders.
//! Last, files that neither the new nor the previous `hash.txt` names are deleted. Pages loaded before still request the previous ones.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{Profile, files_below};
use crate::error::Error;
use crate::layout::{Layout, OUTPUT_NAME};

const HASH_FILE: &str = "hash.txt";
/// The extensions of files that are compressed in release builds. Pictures and fonts are compressed already.
const COMPRESSIBLE: [&str; 8] = ["css", "html", "js", "json", "svg", "txt", "wasm", "webmanifest"];
/// A smaller file fits into one packet, so compressing it saves nothing.
const COMPRESSED_FROM_BYTES: usize = 1024;

/// The hashes in the names of the published files: `coldbrew.<hash>.js`.
pub struct Hashes {
    pub js: String,
    pub wasm: String,
    pub css: String,
}

impl Hashes {
    /// The content of `hash.txt`, which Leptos reads with `hash-files = true`.
    fn to_text(&self) -> String {
        format!("js: {}\nwasm: {}\ncss: {}\n", self.js, self.wasm, self.css)
    }
}

/// Publishes the files of one build.
pub struct Publisher<'a> {
    layout: &'a Layout,
    profile: Profile,
    published: BTreeSet<PathBuf>,
}

impl<'a> Publisher<'a> {
    /// A publisher that has published nothing yet.
    pub fn new(layout: &'a Layout, profile: Profile) -> Self {
        Self { layout, profile, published: BTreeSet::new() }
    }

    /// Publishes content under a name with its hash. Returns the hash.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn hashed(&mut self, extension: &str, content: &[u8]) -> Result<String, Error> {
        let digest = Sha256::digest(content);
        let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        self.publish(self.layout.pkg.join(format!("{OUTPUT_NAME}.{hash}.{extension}")), content)?;
        Ok(hash)
    }

    /// Publishes all files of a folder under their own names.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn folder(&mut self, from: &Path, to: &Path) -> Result<(), Error> {
        for file in files_below(from)? {
            let content = fs::read(&file).map_err(Error::at(&file))?;
            let relative = file.strip_prefix(from).unwrap_or(&file);
            self.publish(to.join(relative), &content)?;
        }
        Ok(())
    }

    /// Switches the server to the published files, and deletes files that are not requested any more.
    ///
    /// # Errors
    /// If a file cannot be written or deleted.
    pub fn switch_to(mut self, hashes: &Hashes) -> Result<(), Error> {
        let site_hash_file = self.layout.site.join(HASH_FILE);
        let previous = fs::read_to_string(&site_hash_file).unwrap_or_default();
        let text = hashes.to_text();
        // Leptos reads the file beside the running executable: the server, or a test in `deps` that contains the server.
        for folder in ["debug", "debug/deps", "release", "release/deps"] {
            replace_if_different(&self.layout.target.join(folder).join(HASH_FILE), text.as_bytes())?;
        }
        replace_if_different(&site_hash_file, text.as_bytes())?;
        self.published.insert(site_hash_file);
        self.print_sizes(hashes);
        self.purge(&previous)
    }

    fn publish(&mut self, path: PathBuf, content: &[u8]) -> Result<(), Error> {
        let changed = replace_if_different(&path, content)?;
        let compressible =
            path.extension().and_then(OsStr::to_str).is_some_and(|extension| COMPRESSIBLE.contains(&extension));
        if self.profile == Profile::Release && compressible && content.len() >= COMPRESSED_FROM_BYTES {
            for (suffix, compress) in [(".br", brotli as fn(&[u8]) -> std::io::Result<Vec<u8>>), (".gz", gzip)] {
                let sibling = with_suffix(&path, suffix);
                if changed || !sibling.exists() {
                    replace_if_different(&sibling, &compress(content).map_err(Error::at(&sibling))?)?;
                }
                self.published.insert(sibling);
            }
        }
        self.published.insert(path);
        Ok(())
    }

    fn purge(&self, previous_hashes: &str) -> Result<(), Error> {
        let previous: Vec<&str> =
            previous_hashes.lines().filter_map(|line| line.split_once(": ")).map(|(_, hash)| hash).collect();
        for file in files_below(&self.layout.site)? {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let is_previous = previous.iter().any(|hash| name.starts_with(&format!("{OUTPUT_NAME}.{hash}.")));
            if !self.published.contains(&file) && !is_previous {
                fs::remove_file(&file).map_err(Error::at(&file))?;
            }
        }
        Ok(())
    }

    fn print_sizes(&self, hashes: &Hashes) {
        let parts = [("wasm", &hashes.wasm), ("js", &hashes.js), ("css", &hashes.css)].map(|(kind, hash)| {
            let path = self.layout.pkg.join(format!("{OUTPUT_NAME}.{hash}.{kind}"));
            let kilobytes = |path: &Path| fs::metadata(path).ok().map(|file| file.len().div_ceil(1000));
            match (kilobytes(&path), kilobytes(&with_suffix(&path, ".br"))) {
                (Some(plain), Some(brotli)) => format!("{kind} {plain} kB ({brotli} kB as br)"),
                (plain, _) => format!("{kind} {} kB", plain.unwrap_or_default()),
            }
        });
        println!("site: {} in {}", parts.join(", "), self.layout.site.display());
    }
}

/// Writes a file atomically if its content differs. Returns whether it did.
fn replace_if_different(path: &Path, content: &[u8]) -> Result<bool, Error> {
    if fs::read(path).is_ok_and(|present| present == content) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::at(folder))?;
    }
    let unfinished = with_suffix(path, ".unfinished");
    fs::write(&unfinished, content).map_err(Error::at(&unfinished))?;
    fs::rename(&unfinished, path).map_err(Error::at(path))?;
    Ok(true)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn brotli(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compressed = Vec::new();
    brotli::CompressorWriter::new(&mut compressed, 1 << 16, 11, 22).write_all(content)?;
    Ok(compressed)
}

fn gzip(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}
