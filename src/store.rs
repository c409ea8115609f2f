//! The adapters of the ports. Only `serve` chooses among them.
//!
//! [`sql`] keeps records in SQLite or PostgreSQL with one SQL text. [`folder`] and [`s3`] keep files. [`tracking`] copies jobs to Redis,
//! counts requests there, and tells servers of each other's changes.
//!
//! A method of a port is one transaction: it happens as a whole or not at all, and once it has returned `Ok` it outlives a power cut. An
//! adapter makes no decision that the port does not name. `src/tests/conformance.rs` holds each one to the port's promises.

pub mod folder;
pub mod s3;
pub mod sql;
pub mod tracking;

use crate::error::{Error, Result};

/// Keys are ours; one that could leave its folder is a fault of ours.
fn sound_key(key: &str) -> Result<()> {
    let sound = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
    };
    if key.split('/').all(sound) {
        Ok(())
    } else {
        Err(Error::internal("a blob key has a part that is not a plain name"))
    }
}
