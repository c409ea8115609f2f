//! The log: a line for a person in a terminal, a JSON object for a machine.
//!
//! What may be logged: ids, states, counts, durations, error kinds. What may not: document text, titles, file names, secrets.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging to standard error. `RUST_LOG` chooses what; the default is `info` for ourselves and `warn` for others.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,coldbrew=info"));
    // A log that cannot be written, on a disk that is full, must not end what it tells of.
    let log = tracing_subscriber::fmt().log_internal_errors(false).with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.compact().init();
    } else {
        log.json().init();
    }
}
