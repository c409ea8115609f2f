//! The adapters of the ports. Only `serve` chooses among them.
//!
//! [`sql`] stores records in SQLite or PostgreSQL with one SQL text. [`folder`] and [`s3`] store files. [`tracking`] mirrors jobs to Redis,
//! counts requests there, and notifies other servers of changes.
//!
//! A method of a port is one transaction: it takes effect completely or not at all. Once it has returned `Ok`, it survives a power failure.
//! An adapter decides nothing that its port does not define. `src/tests/conformance.rs` tests each adapter against its port.
//! adapter makes no decision that the port does not name. `src/tests/conformance.rs` holds each one to the port's promises.

pub mod folder;
pub mod s3;
pub mod sql;
pub mod tracking;

use crate::error::{Error, Result};

/// Checks a key, which this program makes itself. A key that could leave its folder is an internal error.
fn check_key(key: &str) -> Result<()> {
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
    };
    if key.split('/').all(is_plain) {
        Ok(())
    } else {
        Err(Error::internal("a blob key has a part that is not a plain name"))
    }
}
