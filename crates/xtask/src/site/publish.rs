//! Puts the built files where the server finds them, so that a server that is running meanwhile never serves half a site.
//!
//! New files appear beside the old ones, whole, by a rename; then `hash.txt`, which Leptos reads for every page it renders, switches to
//! them; then what neither the new nor the previous `hash.txt` names goes away (a page loaded a moment ago still asks for the previous).

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
/// Precompressed in release builds; pictures and fonts are compressed already.
const COMPRESSIBLE: [&str; 8] = ["css", "html", "js", "json", "svg", "txt", "wasm", "webmanifest"];
/// Below this a compressed sibling saves no packet.
const COMPRESSED_FROM_BYTES: usize = 1024;

/// The middle part of `coldbrew.<hash>.js` and its like.
pub struct Hashes {
    pub js: String,
    pub wasm: String,
    pub css: String,
}

impl Hashes {
    /// The text that `hash-files = true` makes Leptos look for.
    fn to_text(&self) -> String {
        format!("js: {}\nwasm: {}\ncss: {}\n", self.js, self.wasm, self.css)
    }
}

pub struct Publisher<'a> {
    layout: &'a Layout,
    profile: Profile,
    published: BTreeSet<PathBuf>,
}

impl<'a> Publisher<'a> {
    pub fn new(layout: &'a Layout, profile: Profile) -> Self {
        Self { layout, profile, published: BTreeSet::new() }
    }

    /// Publishes content under a name that changes with it, and returns the changing part.
    pub fn hashed(&mut self, extension: &str, content: &[u8]) -> Result<String, Error> {
        let digest = Sha256::digest(content);
        let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        self.publish(self.layout.pkg.join(format!("{OUTPUT_NAME}.{hash}.{extension}")), content)?;
        Ok(hash)
    }

    /// Publishes all files of a folder under their own names.
    pub fn folder(&mut self, from: &Path, to: &Path) -> Result<(), Error> {
        for file in files_below(from)? {
            let content = fs::read(&file).map_err(Error::at(&file))?;
            let relative = file.strip_prefix(from).unwrap_or(&file);
            self.publish(to.join(relative), &content)?;
        }
        Ok(())
    }

    /// Makes the server use what was published, and removes what nothing asks for any more.
    pub fn switch_to(mut self, hashes: &Hashes) -> Result<(), Error> {
        let site_hash_file = self.layout.site.join(HASH_FILE);
        let previous = fs::read_to_string(&site_hash_file).unwrap_or_default();
        let text = hashes.to_text();
        // Leptos looks beside the executable that runs: the server, or a test of `deps` with the server in it.
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
            let still_asked_for = previous.iter().any(|hash| name.starts_with(&format!("{OUTPUT_NAME}.{hash}.")));
            if !self.published.contains(&file) && !still_asked_for {
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

/// Writes a file whole or not at all, and only if its content changes; says whether it did.
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
